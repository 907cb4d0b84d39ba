#pragma once
// Results on stdout: what did not get there is an error, never a success.
#include <functional>

namespace mpq::cli {

/// Descriptors 0 to 2 that were closed when the program began would be given to its next files.
void hold_standard_streams();
/// Runs `print`; that stdout could not be written is said by finish_results(), not thrown.
void print_results(const std::function<void()>& print);
/// Flushes stdout: `status`, or that of Error(Io) with a line on stderr when results were lost. A
/// reader that went away early (`| head`) has what it wanted.
int finish_results(int status);

}  // namespace mpq::cli
