// The subcommands of the program: each does its work and returns its exit code, or throws. Called
// once, by main.
#pragma once

#include "app/command_line.h"
#include "pipeline/load.h"

namespace bafa::app {

int run(const ServeCommand& command);
int run(const GenerateCommand& command);
int run(const ModelsCommand& command);
int run(const TokenizeCommand& command);
int run(const BenchCommand& command);
int run_memory(const BenchCommand& command);  // `bafa bench memory`
int run(const PlanCommand& command);
int run(const Answer& answer);

// What the configuration asks of the pipeline, with the model's folder found.
pipeline::LoadOptions load_options(const Config& config);

text::TokenizerOptions tokenizer_options(const Config& config);

// 0..2^32-1, from the system's generator. From any thread.
std::int64_t random_seed();

}  // namespace bafa::app
