// Progress tells steps and the time left, and products go to the innermost stage.
#include "mpq/core/progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace mpq {
namespace {

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() {
    set_log_sinks(
        {.message = {}, .progress = [this](const ProgressEvent& e) { events_.push_back(e); }});
  }
  ~ProgressTest() override { set_log_sinks({}); }

  std::vector<ProgressEvent> events_;
};

TEST_F(ProgressTest, StepsGoOnBehindThoseDoneBefore) {
  Progress progress("stage", 10, 6);
  progress.step("note");
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].done, 7);
  EXPECT_EQ(events_[0].total, 10);
  EXPECT_EQ(events_[0].note, "note");
  // One of the four that were left: three times as long as it took.
  EXPECT_NEAR(events_[0].seconds_left, 3 * events_[0].seconds, 1e-9);
}

TEST_F(ProgressTest, ProductsTellTheTimeLeftWithinAStep) {
  Progress outer("outer", 2, 0, 1000);
  {
    Progress inner("inner", 1, 0, 50);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    count_products(10);
  }
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].stage, "inner");
  EXPECT_EQ(events_[0].done, 0);
  EXPECT_NEAR(events_[0].seconds_left, 4 * events_[0].seconds, 1e-9);
  // Of the stage around it they are a part too.
  outer.step();
  EXPECT_NEAR(events_[1].seconds_left, 99 * events_[1].seconds, 1e-6);
}

TEST_F(ProgressTest, CountsOfTheProcessGrow) {
  const int64_t before = products_counted();
  count_products(7);
  EXPECT_EQ(products_counted() - before, 7);
  EXPECT_TRUE(events_.empty());
}

}  // namespace
}  // namespace mpq
