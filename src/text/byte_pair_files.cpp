#include "text/byte_pair_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "bafa/error.h"
#include "base/files.h"
#include "base/text.h"

namespace bafa::text {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = 16 << 20;
constexpr std::int64_t kMaxId = 1 << 20;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw Error(ErrorCode::invalid_model, file.string() + ": " + why, file.string());
}

Json read_json(const fs::path& file) {
  return parse_json(read_file(file, kMaxBytes), {.max_bytes = kMaxBytes,
                                                 .max_depth = 32,
                                                 .source = file.string(),
                                                 .error = ErrorCode::invalid_model});
}

const Json& member(const Json& object, const char* key) {
  static const Json kNothing;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? kNothing : *found;
}

Vocabulary read_vocabulary(const Json& json, const fs::path& file) {
  if (!json.is_object()) refuse(file, "the vocabulary is not a JSON object");
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_integer() || id < 0 || id >= kMaxId)
      refuse(file, "the id of the token " + printable(token) + " is not an integer from 0 to " +
                       std::to_string(kMaxId - 1));
    vocabulary.emplace(token, id.get<std::int64_t>());
  }
  return vocabulary;
}

// "left right", one space between them.
std::pair<std::string, std::string> read_merge(std::string_view line, const fs::path& file,
                                               const std::string& place) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
    refuse(file, place + " is not two tokens with a space between them");
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

void read_merges_text(BytePairFiles& files, const fs::path& file) {
  const std::string text = read_file(file, kMaxBytes);
  if (!is_utf8(text)) refuse(file, "is not UTF-8");
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    files.merges.push_back(read_merge(line, file, "line " + std::to_string(number)));
  }
}

// Each merge is a line as in merges.txt, or a list of its two tokens.
void read_merges_json(BytePairFiles& files, const Json& merges, const fs::path& file) {
  if (!merges.is_array()) refuse(file, "model.merges is not a list");
  for (const Json& merge : merges) {
    const std::string place = "model.merges[" + std::to_string(files.merges.size()) + "]";
    if (merge.is_string()) {
      files.merges.push_back(read_merge(merge.get_ref<const std::string&>(), file, place));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      files.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      refuse(file, place + " is not a pair of tokens");
    }
  }
}

}  // namespace

std::optional<Json> read_tokenizer_json(const fs::path& folder) {
  const fs::path file = folder / "tokenizer.json";
  if (!fs::exists(file)) return std::nullopt;
  return read_json(file);
}

BytePairFiles read_byte_pair_files(const fs::path& folder,
                                   const std::optional<Json>& tokenizer_json) {
  BytePairFiles files;
  if (tokenizer_json) {
    const fs::path file = folder / "tokenizer.json";
    const Json& model = member(*tokenizer_json, "model");
    const Json& type = member(model, "type");
    if (!type.is_null() && type != "BPE") refuse(file, "model.type is not BPE");
    files.source = file.string();
    files.vocabulary = read_vocabulary(member(model, "vocab"), file);
    read_merges_json(files, member(model, "merges"), file);
    return files;
  }
  const fs::path vocabulary = folder / "vocab.json";
  const fs::path merges = folder / "merges.txt";
  if (!fs::exists(vocabulary) || !fs::exists(merges))
    refuse(folder,
           "has neither a tokenizer.json nor both of vocab.json and merges.txt; fetch them");
  files.source = merges.string();
  files.vocabulary = read_vocabulary(read_json(vocabulary), vocabulary);
  read_merges_text(files, merges);
  return files;
}

}  // namespace bafa::text
