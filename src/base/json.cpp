#include "base/json.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "bafa/error.h"
#include "base/text.h"

namespace bafa {
namespace {

// Feeds the parser and tells the handler how far it has read, which the SAX events do not say.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}

  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  const char** furthest_;
};

// Builds the document and stops at the first breach of the limits, before memory is spent on it.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  Json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(std::int64_t value) override { return add(value) != nullptr; }
  bool number_unsigned(std::uint64_t value) override { return add(value) != nullptr; }
  bool number_float(double value, const std::string&) override { return add(value) != nullptr; }
  bool string(std::string& value) override { return add(std::move(value)) != nullptr; }
  bool binary(Json::binary_t&) override { return false; }  // not part of JSON text

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& members = open_.back()->get_ref<Json::object_t&>();
    const auto [member, inserted] = members.try_emplace(std::move(name), nullptr);
    if (!inserted) {
      problem_ = "a key appears twice in one object";
      return false;
    }
    member_ = &member->second;
    return true;
  }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    problem_ = error.id == kNumberOverflow ? "a number is too large" : "this is not JSON";
    return false;
  }

 private:
  // Null when there are too many.
  Json* add(Json value) {
    if (++values_ > limits_.max_values) {
      problem_ = "more than " + std::to_string(limits_.max_values) + " values";
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& elements = open_.back()->get_ref<Json::array_t&>();
      return &elements.emplace_back(std::move(value));
    }
    *member_ = std::move(value);
    return member_;
  }

  bool open(Json container) {
    if (open_.size() >= static_cast<std::size_t>(limits_.max_depth)) {
      problem_ = "nested deeper than " + std::to_string(limits_.max_depth) + " levels";
      return false;
    }
    Json* added = add(std::move(container));
    if (added != nullptr) open_.push_back(added);
    return added != nullptr;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Json*> open_;  // containers not yet closed; an element's address is stable until then
  Json* member_ = nullptr;   // where the value of the last key goes
  std::string problem_;
};

[[noreturn]] void refuse(const JsonLimits& limits, const std::string& problem) {
  const std::string prefix = limits.source.empty() ? "" : limits.source + ": ";
  throw Error(limits.error, prefix + problem, limits.source);
}

[[noreturn]] void refuse_at(std::size_t offset, const JsonLimits& limits,
                            const std::string& problem) {
  refuse(limits, "invalid JSON at byte " + std::to_string(offset) + ": " + problem);
}

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    refuse(limits, "the JSON text has " + std::to_string(text.size()) + " bytes; at most " +
                       std::to_string(limits.max_bytes) + " are read");
  }
  // The parser takes a NUL for the end of the text and would not see what follows it.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    refuse_at(nul, limits, "a NUL byte");
  }
  if (const auto valid = valid_utf8_bytes(text); valid != text.size()) {
    refuse_at(valid, limits, "the text is not UTF-8");
  }
  const char* const begin = text.data();
  const char* furthest = begin;
  Builder builder(limits);
  const bool complete = Json::sax_parse(CountingIterator(begin, &furthest),
                                        CountingIterator(begin + text.size(), &furthest), &builder);
  if (!complete) {
    refuse_at(static_cast<std::size_t>(furthest - begin), limits, builder.problem());
  }
  return builder.take();
}

}  // namespace bafa
