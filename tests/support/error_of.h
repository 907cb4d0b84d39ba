#pragma once
// The error that an action must end with.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "mpq/core/error.h"

namespace mpq {

/// The message of the Error(code) that `action` must throw.
inline std::string error_of(ErrorCode code, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace mpq
