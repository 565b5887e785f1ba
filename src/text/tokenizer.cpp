#include "text/tokenizer.h"

#include "bafa/error.h"
#include "text/xlm_roberta_tokenizer.h"

namespace bafa::text {

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder,
                                          const std::string& class_name) {
  if (class_name == "XLMRobertaTokenizer" || class_name == "XLMRobertaTokenizerFast")
    return std::make_unique<XlmRobertaTokenizer>(folder);
  throw Error(ErrorCode::unsupported_model,
              folder.string() + ": bafa does not know the tokenizer class " + class_name,
              class_name);
}

}  // namespace bafa::text
