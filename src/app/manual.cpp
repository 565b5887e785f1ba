#include "app/manual.h"

#include <set>
#include <sstream>
#include <string_view>
#include <vector>

namespace bafa::app {
namespace {

// Text as troff takes it: no line begins with a request, no hyphen becomes a dash.
std::string troff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool begins_line = escaped.empty() || escaped.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// "-o,--output" as people write it: "-o, --output".
std::string names_of(const CLI::Option& option) {
  std::string names = option.get_name(false, true);
  if (const auto comma = names.find(','); comma != names.npos) names.insert(comma + 1, " ");
  return names;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

void write_option(std::ostream& out, const CLI::Option& option) {
  out << ".TP\n.B " << troff(names_of(option));
  const bool positional = option.get_positional();
  if (takes_value(option) && !positional) out << " \\fI" << troff(option.get_type_name()) << "\\fR";
  out << "\n" << troff(option.get_description());
  if (!option.get_default_str().empty())
    out << " (default: " << troff(option.get_default_str()) << ")";
  out << "\n";
}

std::string long_names(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : option->get_lnames()) {
      names += (names.empty() ? "--" : " --") + name;
    }
  }
  return names;
}

// The options of all commands after which a value comes, as a pattern of `case`.
std::string names_before_values(const CLI::App& app) {
  std::set<std::string> names;
  for (const CLI::App* command : commands_of(app)) {
    for (const CLI::Option* option : options_of(*command)) {
      if (!takes_value(*option)) continue;
      for (const std::string& name : option->get_lnames()) names.insert("--" + name);
      for (const std::string& name : option->get_snames()) names.insert("-" + name);
    }
  }
  std::string pattern;
  for (const std::string& name : names) pattern += (pattern.empty() ? "" : " | ") + name;
  return pattern;
}

}  // namespace

std::string man_page(const CLI::App& app, const std::string& exit_codes) {
  std::ostringstream out;
  out << ".TH BAFA 1 \"\" \"" << troff(app.version()) << "\" \"User Commands\"\n"
      << ".SH NAME\nbafa \\- text\\-to\\-image server\n"
      << ".SH SYNOPSIS\n.B bafa\n.I command\n[\\fIoptions\\fR]\n"
      << ".SH DESCRIPTION\n"
      << troff(app.get_description()) << "\n"
      << ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(app)) {
    out << ".SS bafa " << troff(command->get_name()) << "\n"
        << troff(command->get_description()) << "\n";
    for (const CLI::Option* option : options_of(*command)) write_option(out, *option);
  }
  out << ".SH EXIT STATUS\n.nf\n"
      << troff(exit_codes) << ".fi\n"
      << ".SH FILES\n.TP\n.I /etc/bafa/server.json\nThe service's configuration; "
      << "\\fBbafa serve \\-\\-print\\-config\\fR prints all of it.\n";
  return out.str();
}

std::string bash_completion(const CLI::App& app) {
  std::ostringstream out;
  std::string names;
  for (const CLI::App* command : commands_of(app))
    names += (names.empty() ? "" : " ") + command->get_name();
  out << "# bash completion for bafa\n"
      << "_bafa() {\n"
      << "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
      << "  COMPREPLY=()  # nothing here: bash offers files\n"
      << "  case $before in\n    " << names_before_values(app) << ") return ;;\n  esac\n"
      << "  local words=\"" << names << " " << long_names(app) << "\"\n"
      << "  if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
      << "    case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : commands_of(app)) {
    out << "      " << command->get_name() << ") words=\"" << long_names(*command) << "\" ;;\n";
  }
  out << "      *) words= ;;\n    esac\n  fi\n"
      << "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
      << "}\ncomplete -o bashdefault -o default -F _bafa bafa\n";
  return out.str();
}

}  // namespace bafa::app
