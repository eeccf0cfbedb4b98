// How the settings of sessions are stored.
#pragma once

#include "accounts/sessions.hpp"
#include "db/database.hpp"

namespace holdfast::accounts {

// The topic of changes of the settings; its key is always empty.
inline constexpr std::string_view kChangedSessionSettings = "session_settings";

// What was never set has its default.
Result<SessionSettings> load_session_settings(db::Tx& tx);
// invalid/kSessionSettingsInvalid.
Result<void> check_session_settings(const SessionSettings& settings);
Result<void> store_session_settings(db::Tx& tx, const SessionSettings& settings);

}  // namespace holdfast::accounts
