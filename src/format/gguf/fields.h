#pragma once
// Where a block keeps the bits of its codes and of its scales' codes.
#include <cstdint>
#include <vector>

namespace mpq {

/// Bits of consecutive numbers. `width` numbers lie in as many consecutive bytes, the next `width`
/// in the next bits of the same bytes, and when these are full it goes on behind them.
struct Field {
  int first = 0;  // number
  int count = 0;  // of numbers
  int bits = 0;
  int width = 1;
  int byte = 0;  // of the block, where the first number lies
  int from = 0;  // lowest bit of a byte
  int to = 0;    // where the bits stand in their number
};

/// ORs the fields' bits into the numbers.
void read_fields(const std::vector<Field>& fields, const uint8_t* block, uint8_t* numbers);
/// The inverse: ORs the numbers' bits into the block.
void write_fields(const std::vector<Field>& fields, const uint8_t* numbers, uint8_t* block);
/// The 256 digits 0, 1, 2 of TQ1_0, five to a byte (the last four bytes hold four): a byte b is the
/// fraction b / 256, whose digits to the base of 3 they are.
void read_ternary(const uint8_t* block, uint8_t* numbers);

}  // namespace mpq
