// Bits of numbers between a block and an array.
#include "fields.h"

namespace mpq {
namespace {

/// Calls visit(number, byte, shift) for each number of a field.
template <class Visit>
void each_number(const Field& field, Visit visit) {
  const int last = field.first + field.count;
  int number = field.first;
  for (int byte = field.byte; number < last; byte += field.width) {
    for (int shift = field.from; shift + field.bits <= 8 && number < last; shift += field.bits) {
      for (int i = 0; i < field.width; ++i) visit(number++, byte + i, shift);
    }
  }
}

}  // namespace

void read_fields(const std::vector<Field>& fields, const uint8_t* block, uint8_t* numbers) {
  for (const Field& field : fields) {
    const int mask = (1 << field.bits) - 1;
    each_number(field, [&](int number, int byte, int shift) {
      numbers[number] =
          static_cast<uint8_t>(numbers[number] | ((block[byte] >> shift) & mask) << field.to);
    });
  }
}

void write_fields(const std::vector<Field>& fields, const uint8_t* numbers, uint8_t* block) {
  for (const Field& field : fields) {
    const int mask = (1 << field.bits) - 1;
    each_number(field, [&](int number, int byte, int shift) {
      block[byte] =
          static_cast<uint8_t>(block[byte] | ((numbers[number] >> field.to) & mask) << shift);
    });
  }
}

void read_ternary(const uint8_t* block, uint8_t* numbers) {
  const auto read = [&](int bytes, int digits) {
    for (int digit = 0, power = 1; digit < digits; ++digit, power *= 3) {
      for (int i = 0; i < bytes; ++i) {
        const int rest = (block[i] * power) % 256;  // without the digits before
        *numbers++ = static_cast<uint8_t>(rest * 3 / 256);
      }
    }
    block += bytes;
  };
  read(32, 5);
  read(16, 5);
  read(4, 4);
}

}  // namespace mpq
