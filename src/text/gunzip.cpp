// Inflates gzip members by zlib, within a bound.
#include "gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "mpq/core/error.h"
#include "mpq/core/units.h"

namespace mpq::text {
namespace {

constexpr std::string_view kMagic = "\x1F\x8B";
constexpr int kGzipWindow = 15 + 16;  // of the largest window, gzip's header alone
constexpr size_t kPieceBytes = 1 << 18;

class Inflater {
 public:
  Inflater(std::string_view bytes, const std::string& path, uint64_t most_bytes)
      : rest_(bytes), path_(path), most_bytes_(most_bytes), piece_(kPieceBytes) {
    require(inflateInit2(&stream_, kGzipWindow) == Z_OK, ErrorCode::Internal,
            "{}: zlib could not be started", path_);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::string all() {
    std::string content;
    for (bool first = true; !rest_.empty(); first = false) {
      require(first || is_gzip(rest_), ErrorCode::Format,
              "{}: expected the end of the gzip file, found {} other bytes behind it", path_,
              rest_.size());
      append_member(content);
    }
    return content;
  }

 private:
  void append_member(std::string& content) {
    inflateReset(&stream_);
    for (int state = Z_OK; state != Z_STREAM_END;) {
      const size_t given = std::min<size_t>(rest_.size(), std::numeric_limits<uInt>::max());
      // zlib reads only: its pointer is not const for historical reasons.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(given);
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      rest_.remove_prefix(given - stream_.avail_in);
      const size_t made = piece_.size() - stream_.avail_out;
      require(state != Z_MEM_ERROR, ErrorCode::Io, "{}: no memory is left to decompress it", path_);
      require(state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR, ErrorCode::Format,
              "{}: expected a gzip file, found a damaged one: {}; fetch it again", path_,
              stream_.msg == nullptr ? "of an unknown kind" : stream_.msg);
      require(state == Z_STREAM_END || !rest_.empty() || made > 0, ErrorCode::Format,
              "{}: expected a whole gzip file, found one that is cut off; fetch it again", path_);
      require(content.size() + made <= most_bytes_, ErrorCode::Format,
              "{}: expected at most {} when decompressed, found more; split the file", path_,
              format_bytes(static_cast<int64_t>(most_bytes_)));
      content.append(piece_.data(), made);
    }
  }

  std::string_view rest_;
  const std::string& path_;
  uint64_t most_bytes_;
  std::vector<char> piece_;
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.substr(0, kMagic.size()) == kMagic; }

std::string gunzip(std::string_view bytes, const std::string& path, uint64_t most_bytes) {
  return Inflater(bytes, path, most_bytes).all();
}

}  // namespace mpq::text
