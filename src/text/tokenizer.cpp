#include "text/tokenizer.h"

#include <utility>

#include "bafa/error.h"
#include "text/clip_tokenizer.h"
#include "text/qwen2_tokenizer.h"
#include "text/xlm_roberta_tokenizer.h"

namespace bafa::text {

Tokens ended(std::vector<std::int64_t> ids, std::int64_t end, int max_length) {
  const std::size_t room = static_cast<std::size_t>(max_length) - 1;
  Tokens tokens{.ids = std::move(ids)};
  tokens.truncated = tokens.ids.size() > room;
  if (tokens.truncated) tokens.ids.resize(room);
  tokens.ids.push_back(end);
  return tokens;
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder,
                                          const std::string& class_name, TokenizerOptions options) {
  if (class_name == "XLMRobertaTokenizer" || class_name == "XLMRobertaTokenizerFast")
    return std::make_unique<XlmRobertaTokenizer>(folder, options);
  if (class_name == "CLIPTokenizer" || class_name == "CLIPTokenizerFast")
    return std::make_unique<ClipTokenizer>(folder, options);
  if (class_name == "Qwen2Tokenizer" || class_name == "Qwen2TokenizerFast")
    return std::make_unique<Qwen2Tokenizer>(folder, options);
  throw Error(ErrorCode::unsupported_model,
              folder.string() + ": bafa does not know the tokenizer class " + class_name,
              class_name);
}

}  // namespace bafa::text
