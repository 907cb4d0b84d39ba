#pragma once
// The time of the goldens: Friday, 7 March 2025, 09:05:03.
#include <ctime>

namespace mpq {

inline std::tm fixed_time() {
  std::tm time{};
  time.tm_year = 2025 - 1900;
  time.tm_mon = 2;
  time.tm_mday = 7;
  time.tm_hour = 9;
  time.tm_min = 5;
  time.tm_sec = 3;
  time.tm_wday = 5;
  time.tm_yday = 65;
  return time;
}

}  // namespace mpq
