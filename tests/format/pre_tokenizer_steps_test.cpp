// Texts are cut into words as llama.cpp cuts them under its names.
#include "src/format/gguf/pre_tokenizer_steps.h"

#include <gtest/gtest.h>

#include <vector>

#include "mpq/core/json_file.h"
#include "mpq/text/tokenizer.h"
#include "tests/support/source_path.h"
#include "tests/support/temporary_folder.h"

namespace mpq {
namespace {

TEST(PreTokenizerSteps, OfATokenizerThatTheConverterDidNotKnow) {
  const TemporaryFolder folder;
  Json file = read_json_file(source_path("data/nano-llama/tokenizer.json"));
  const auto steps = pre_tokenizer_steps("default");
  ASSERT_TRUE(steps);
  file["pre_tokenizer"] = steps->json;
  write_json_file(folder.file("tokenizer.json"), file);
  const auto tokenizer = Tokenizer::load(folder.path());
  // llama-cpp-python 0.3.36's ids for the vocabulary of nano-llama under this name.
  const std::vector<int32_t> expected = {
      40, 555, 79,  12, 1626, 1,   221, 17,  18,  19,  20,  21,  221, 19,   14,  17,
      20, 221, 4,   21, 11,   19,  29,  24,  221, 94,  94,  94,  92,  88,   92,  1482,
      7,  84,  386, 7,  77,   221, 876, 221, 571, 363, 261, 199, 199, 1213, 198, 1577};
  EXPECT_EQ(tokenizer->encode("Hello, world! 12345 3.14 $5+3=8 ~~~|x| don't I'm  two  "
                              "spaces\n\nnew\tline",
                              false),
            expected);
}

}  // namespace
}  // namespace mpq
