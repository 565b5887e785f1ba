// What a package ships beside the program, made from the same declarations as --help: a manual page
// (troff) and bash's completion.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace bafa::app {

std::string man_page(const CLI::App& app, const std::string& exit_codes);
std::string bash_completion(const CLI::App& app);

}  // namespace bafa::app
