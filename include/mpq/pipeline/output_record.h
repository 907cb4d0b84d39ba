#pragma once
// What a stage left in a folder outside the work folder, and whether that still stands there.
#include <string>

#include "mpq/pipeline/work_folder.h"

namespace mpq {

/// A stage that writes the folder `out`, as the manifest calls it.
std::string output_stage(const std::string& name, const std::string& out);
/// Records the finished stage with what its files are known by.
void record_output(WorkFolder& work, const std::string& stage, const std::string& key,
                   const std::string& out);
/// Whether the stage was finished with this key, and each of its files is as it was written.
bool output_stands(const WorkFolder& work, const std::string& stage, const std::string& key,
                   const std::string& out);
/// Whether all that lies in `out` is what the stage wrote: then it may be replaced unasked.
bool made_here(const WorkFolder& work, const std::string& stage, const std::string& out);

}  // namespace mpq
