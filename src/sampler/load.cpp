#include "sampler/load.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "bafa/error.h"
#include "base/component_config.h"
#include "base/text.h"
#include "sampler/ddim.h"
#include "sampler/dpmpp_2m.h"
#include "sampler/euler.h"
#include "sampler/euler_ancestral.h"
#include "sampler/flow_match_euler.h"
#include "sampler/lcm.h"
#include "sampler/pndm.h"
#include "sampler/tcd.h"

namespace bafa::sampler {
namespace {

using Made = std::unique_ptr<Sampler>;

Made make_flow_match_euler(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<FlowMatchEuler>(parse_flow_match_euler_config(config));
}
Made make_euler(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<Euler>(parse_euler_config(config));
}
Made make_euler_ancestral(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<EulerAncestral>(parse_euler_ancestral_config(config));
}
Made make_ddim(ComponentConfig& config, double eta) {
  return std::make_unique<Ddim>(parse_ddim_config(config), eta);
}
Made make_lcm(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<Lcm>(parse_lcm_config(config));
}
Made make_dpmpp_2m(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<DpmPp2m>(parse_dpmpp_2m_config(config));
}
Made make_tcd(ComponentConfig& config, double eta) {
  return std::make_unique<Tcd>(parse_tcd_config(config), eta);
}
Made make_pndm(ComponentConfig& config, double /*eta*/) {
  return std::make_unique<Pndm>(parse_pndm_config(config));
}
Requirements nothing() { return {}; }

enum class Predicts { flow, noise };

struct Entry {
  std::string_view name;
  std::string_view class_name;
  Predicts predicts;
  Requirements (*requirements)();
  Made (*make)(ComponentConfig& config, double eta);
  std::optional<bool> karras_sigmas{};  // of two names for one class: what use_karras_sigmas is
};

std::span<const Entry> table() {
  static const Entry kTable[] = {
      {"flow_match_euler", "FlowMatchEulerDiscreteScheduler", Predicts::flow, nothing,
       make_flow_match_euler},
      {"euler", "EulerDiscreteScheduler", Predicts::noise, euler_requirements, make_euler},
      {"euler_ancestral", "EulerAncestralDiscreteScheduler", Predicts::noise,
       euler_ancestral_requirements, make_euler_ancestral},
      {"ddim", "DDIMScheduler", Predicts::noise, ddim_requirements, make_ddim},
      {"lcm", "LCMScheduler", Predicts::noise, lcm_requirements, make_lcm},
      {"dpmpp_2m", "DPMSolverMultistepScheduler", Predicts::noise, dpmpp_2m_requirements,
       make_dpmpp_2m, false},
      {"dpmpp_2m_karras", "DPMSolverMultistepScheduler", Predicts::noise, dpmpp_2m_requirements,
       make_dpmpp_2m, true},
      {"tcd", "TCDScheduler", Predicts::noise, nothing, make_tcd},
      {"pndm", "PNDMScheduler", Predicts::noise, pndm_requirements, make_pndm},
  };
  return kTable;
}

// A model's JSON, and what is known beside it.
struct Shipped {
  Json json;
  std::string source;  // the file
  std::string_view class_name;
};

[[noreturn]] void refuse(const Shipped& shipped, const std::string& why, const std::string& param) {
  throw Error(ErrorCode::unsupported_model, shipped.source + ": " + why, param);
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

const Entry& entry_of_class(const Shipped& shipped) {
  const auto karras = shipped.json.find("use_karras_sigmas");
  const bool wants_karras = karras != shipped.json.end() && *karras == true;
  for (const Entry& entry : table())
    if (entry.class_name == shipped.class_name &&
        entry.karras_sigmas.value_or(wants_karras) == wants_karras)
      return entry;
  refuse(shipped,
         "the scheduler " + printable(shipped.class_name) + " is not known; bafa knows " +
             listed(class_names()),
         "_class_name");
}

const Entry& entry_named(const Shipped& shipped, const std::string& name) {
  const auto found = std::ranges::find(table(), name, &Entry::name);
  if (found == table().end())
    refuse(shipped,
           "the sampler " + printable(name) + " is not known; bafa knows " + listed(names()),
           "sampler");
  return *found;
}

const Entry& default_entry(const Shipped& shipped, const LoadOptions& options) {
  const Entry& own = entry_of_class(shipped);
  const Entry& chosen = options.name.empty() ? own : entry_named(shipped, options.name);
  if (chosen.predicts != own.predicts)
    refuse(shipped,
           "the sampler " + options.name + " of model.json is not for a model that comes with " +
               std::string(own.class_name),
           "sampler");
  if (own.predicts == Predicts::flow && !options.timestep_spacing.empty())
    refuse(shipped, "the timestep_spacing of model.json means nothing to " + std::string(own.name),
           "timestep_spacing");
  return chosen;
}

// The JSON as `entry` is to read it.
Json adapted(Json json, const Entry& entry, const LoadOptions& options) {
  if (entry.karras_sigmas) json["use_karras_sigmas"] = *entry.karras_sigmas;
  if (!options.timestep_spacing.empty()) json["timestep_spacing"] = options.timestep_spacing;
  if (options.fix == PipelineFix::offset_one_and_no_clipping && entry.predicts == Predicts::noise) {
    json["steps_offset"] = 1;
    json["clip_sample"] = false;
  }
  if (options.fix == PipelineFix::sigmas_in_fp32 && entry.predicts == Predicts::flow)
    json[kSigmasInFp32] = true;
  return json;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Entry& entry : table()) all.emplace_back(entry.name);
  return all;
}

std::vector<std::string> class_names() {
  std::vector<std::string> all;
  for (const Entry& entry : table())
    if (all.empty() || all.back() != entry.class_name) all.emplace_back(entry.class_name);
  return all;
}

std::vector<std::string> spacing_names() { return {"leading", "trailing", "linspace"}; }

std::vector<std::unique_ptr<Sampler>> load_samplers(const std::filesystem::path& json,
                                                    std::string_view class_name,
                                                    const LoadOptions& options) {
  const Shipped shipped{
      .json = read_component_json(json), .source = json.string(), .class_name = class_name};
  const Entry& first = default_entry(shipped, options);
  std::vector<const Entry*> chosen{&first};
  for (const Entry& entry : table()) {
    if (&entry != &first && entry.predicts == first.predicts &&
        meets(adapted(shipped.json, entry, options), entry.requirements()))
      chosen.push_back(&entry);
  }
  std::vector<std::unique_ptr<Sampler>> samplers;
  for (const Entry* entry : chosen) {
    ComponentConfig config(adapted(shipped.json, *entry, options), shipped.source);
    samplers.push_back(entry->make(config, options.eta));
  }
  return samplers;
}

}  // namespace bafa::sampler
