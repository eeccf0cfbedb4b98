// A pruning policy evaluated where its change is answered.
#pragma once

#include <string>

#include "pruning/pruner.hpp"

namespace holdfast {

// Evaluates the policy on the caller's thread, half a minute at most: what is left is for its next
// evaluation. What happens goes to the log, errors too: the policy is stored in any case. Blocks.
void prune_now(pruning::Pruner& pruner, const std::string& repository, const std::string& policy);

}  // namespace holdfast
