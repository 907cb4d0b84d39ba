// Threads of mpq wait shortly unless the user said how: libgomp tells what it was set to.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/e2e/program.h"

namespace mpq {
namespace {
using testing::HasSubstr;
using testing::Not;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // where mpq leaves them alone
class ShortWaits : public testing::Test {
 protected:
  ShortWaits() {
    ::unsetenv("GOMP_SPINCOUNT");
    ::unsetenv("OMP_WAIT_POLICY");
    ::setenv("OMP_DISPLAY_ENV", "verbose", 1);
  }
  ~ShortWaits() override {
    for (const char* name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_DISPLAY_ENV"})
      ::unsetenv(name);
  }

  static std::string settings() { return run_mpq({"list"}).err; }
};

TEST_F(ShortWaits, AreTheDefault) {
  EXPECT_THAT(settings(), HasSubstr("GOMP_SPINCOUNT = '10000'"));
}

TEST_F(ShortWaits, AreLeftToTheUserWhoChose) {
  ::setenv("OMP_WAIT_POLICY", "active", 1);
  EXPECT_THAT(settings(), Not(HasSubstr("GOMP_SPINCOUNT = '10000'")));
  ::unsetenv("OMP_WAIT_POLICY");
  ::setenv("GOMP_SPINCOUNT", "77", 1);
  EXPECT_THAT(settings(), HasSubstr("GOMP_SPINCOUNT = '77'"));
}
#endif

}  // namespace
}  // namespace mpq
