#include "text/conjuncts.h"

#include <gtest/gtest.h>

#include <string>

namespace bafa::text {
namespace {

// Whether a second consonant goes on over what is between it and a first one.
bool joins(const std::string& between, const std::string& last = "\u0937") {
  const std::string text = "\u0915" + between;
  return goes_on_with_conjunct(text + last, text.size());
}

TEST(Conjuncts, AreConsonantsWithASignBetweenThem) {
  EXPECT_TRUE(joins("\u094d"));
  EXPECT_TRUE(joins("\u1039"));      // of 16.0, and of another script
  EXPECT_TRUE(joins("\U000113d0"));  // not known to ICU 15.0
  EXPECT_TRUE(joins("\u094d", "\u1000"));
  EXPECT_FALSE(joins(""));
  EXPECT_FALSE(joins("\u093c"));
  EXPECT_FALSE(joins("\u0bcd"));  // Tamil has none
  EXPECT_FALSE(joins("\u094d", "a"));
  EXPECT_FALSE(joins("\u094d", ""));
}

TEST(Conjuncts, MayHoldMarksOnEitherSideOfTheSign) {
  EXPECT_TRUE(joins("\u0301\u094d\u200d"));
  EXPECT_TRUE(joins("\u0cc0\u094d\u094d"));  // since 16.0
  EXPECT_TRUE(joins("\u094d\u0897"));        // a mark of 16.0
  EXPECT_FALSE(joins("\u094d\u200c"));
  EXPECT_FALSE(joins("\u094da\u094d"));
}

TEST(Conjuncts, BeginWithAConsonant) {
  EXPECT_FALSE(goes_on_with_conjunct("\u094d\u0937", 3));
  EXPECT_FALSE(goes_on_with_conjunct("a\u094d\u0937", 4));
  EXPECT_FALSE(goes_on_with_conjunct("\u0937", 0));
}

}  // namespace
}  // namespace bafa::text
