// The tables of this module.
#include "accounts/accounts.hpp"

namespace holdfast::accounts {

namespace {

constexpr db::Migration kMigrations[] = {
    {"accounts/0001-accounts", R"(CREATE TABLE accounts (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        name {text} NOT NULL UNIQUE,
        kind {int} NOT NULL,
        full_name {text} NOT NULL,
        is_administrator {int} NOT NULL,
        is_active {int} NOT NULL,
        must_change_password {int} NOT NULL,
        password_hash {text} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL);
      CREATE TABLE organization_members (
        organization_id {int} NOT NULL REFERENCES accounts (id),
        user_id {int} NOT NULL REFERENCES accounts (id),
        is_owner {int} NOT NULL,
        PRIMARY KEY (user_id, organization_id));
      CREATE TABLE teams (
        id {id},
        uuid {text} NOT NULL UNIQUE,
        organization_id {int} NOT NULL REFERENCES accounts (id),
        name {text} NOT NULL,
        description {text} NOT NULL,
        UNIQUE (organization_id, name));
      CREATE TABLE team_members (
        team_id {int} NOT NULL REFERENCES teams (id),
        user_id {int} NOT NULL REFERENCES accounts (id),
        PRIMARY KEY (user_id, team_id));
      CREATE TABLE grants (
        team_id {int} NOT NULL REFERENCES teams (id),
        namespace_id {int} NOT NULL REFERENCES accounts (id),
        repository_id {int} NOT NULL,
        level {int} NOT NULL,
        PRIMARY KEY (team_id, namespace_id, repository_id)))"},
    // What lists go through, and the counts that they show.
    {"accounts/0002-organizations",
     R"(ALTER TABLE accounts ADD COLUMN members_count {int} NOT NULL DEFAULT 0;
      ALTER TABLE accounts ADD COLUMN teams_count {int} NOT NULL DEFAULT 0;
      CREATE INDEX accounts_kind ON accounts (kind, name);
      CREATE INDEX accounts_full_name ON accounts (full_name, name);
      ALTER TABLE organization_members ADD COLUMN user_uuid {text} NOT NULL DEFAULT '';
      UPDATE organization_members SET user_uuid = (SELECT uuid FROM accounts WHERE accounts.id = organization_members.user_id);
      CREATE INDEX organization_members_users ON organization_members (organization_id, user_uuid);
      CREATE INDEX organization_members_owners ON organization_members (organization_id, is_owner, user_uuid);
      ALTER TABLE teams ADD COLUMN members_count {int} NOT NULL DEFAULT 0;
      ALTER TABLE team_members ADD COLUMN is_admin {int} NOT NULL DEFAULT 0;
      ALTER TABLE team_members ADD COLUMN user_uuid {text} NOT NULL DEFAULT '';
      UPDATE team_members SET user_uuid = (SELECT uuid FROM accounts WHERE accounts.id = team_members.user_id);
      CREATE INDEX team_members_users ON team_members (team_id, user_uuid);
      CREATE INDEX team_members_admins ON team_members (team_id, is_admin, user_uuid);
      CREATE INDEX grants_namespace ON grants (namespace_id, repository_id, team_id))"},
    // A time that is 0 is none.
    {"accounts/0003-access-tokens", R"(CREATE TABLE access_tokens (
        id {text} NOT NULL UNIQUE,
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        label {text} NOT NULL,
        is_active {int} NOT NULL,
        created_at {int} NOT NULL,
        last_used {int} NOT NULL,
        origin {int} NOT NULL,
        client {text} NOT NULL,
        expires_at {int} NOT NULL,
        scope {text} NOT NULL,
        PRIMARY KEY (account_id, id)))"},
    {"accounts/0004-sessions", R"(CREATE TABLE sessions (
        hash {text} NOT NULL PRIMARY KEY,
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        created_at {int} NOT NULL,
        last_used_at {int} NOT NULL,
        expires_at {int} NOT NULL,
        address {text} NOT NULL,
        client {text} NOT NULL);
      CREATE INDEX sessions_account ON sessions (account_id, hash);
      CREATE INDEX sessions_expiry ON sessions (expires_at);
      CREATE TABLE account_settings (
        name {text} NOT NULL PRIMARY KEY,
        value {int} NOT NULL))"},
    // Of a service account: the organization that it belongs to. 0: it belongs to nobody.
    {"accounts/0005-service-accounts",
     R"(ALTER TABLE accounts ADD COLUMN organization_id {int} NOT NULL DEFAULT 0;
      CREATE INDEX accounts_organization ON accounts (organization_id, name) WHERE organization_id <> 0)"},
    // Lists of URIs are lines of text.
    {"accounts/0006-keys-and-services", R"(CREATE TABLE public_keys (
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        id {text} NOT NULL,
        pem {text} NOT NULL,
        label {text} NOT NULL,
        PRIMARY KEY (account_id, id));
      CREATE TABLE public_key_certificates (
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        key_id {text} NOT NULL,
        number {int} NOT NULL,
        label {text} NOT NULL,
        pem {text} NOT NULL,
        PRIMARY KEY (account_id, key_id, number));
      CREATE TABLE sso_services (
        id {text} NOT NULL UNIQUE,
        owner_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        name {text} NOT NULL,
        description {text} NOT NULL,
        url {text} NOT NULL,
        privileged {int} NOT NULL,
        redirect_uris {text} NOT NULL,
        jwks_uris {text} NOT NULL,
        provider_identities {text} NOT NULL,
        ca_bundle {text} NOT NULL,
        PRIMARY KEY (owner_id, name));
      CREATE TABLE account_texts (
        name {text} NOT NULL PRIMARY KEY,
        value {text} NOT NULL))"},
    {"accounts/0007-password-history", R"(CREATE TABLE password_history (
        account_id {int} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        number {int} NOT NULL,
        hash {text} NOT NULL,
        PRIMARY KEY (account_id, number)))"},
    // The index has all that a search by a part of a name looks at: SQLite then reads no account.
    {"accounts/0008-search",
     R"(ALTER TABLE accounts ADD COLUMN search_text {text} NOT NULL DEFAULT '';
      UPDATE accounts SET search_text = lower(name) || ' ' || lower(full_name);
      CREATE INDEX accounts_search ON accounts (name, kind, is_administrator, is_active, search_text))"},
};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

}  // namespace holdfast::accounts
