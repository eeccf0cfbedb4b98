#!/bin/sh
# What scripts written for DTR and UCP do, with curl and jq alone.
#   replay.sh set-up|read|take-away
# HOST, CA, ADMIN_PASSWORD, USER_PASSWORD come from the environment; answers go to standard output,
# the access token that set-up makes to the file TOKEN_FILE.
set -eu

admin() { curl -sS --fail --cacert "$CA" -u "admin:$ADMIN_PASSWORD" -H 'Content-Type: application/json' "$@"; }
jeff() { curl -sS --fail --cacert "$CA" -u "jeff:$USER_PASSWORD" "$@"; }
status() { curl -sS -o /dev/null -w '%{http_code}\n' --cacert "$CA" "$@"; }

set_up() {
  # A user, as Harbor's and UCP's documents do it; an organization with the fields that terraform sends.
  admin -X POST "https://$HOST/enzi/v0/accounts" \
    -d "{\"name\":\"jeff\",\"fullName\":\"Jeff\",\"password\":\"$USER_PASSWORD\",\"isActive\":true}" |
    jq -c '{name, fullName, isOrg, isAdmin, isActive}'
  admin -X POST "https://$HOST/enzi/v0/accounts" -d '{"id":"","name":"engineering","isOrg":true,"password":""}' |
    jq -c '{name, isOrg}'
  admin -X POST "https://$HOST/accounts/engineering/teams" -d '{"name":"backend","description":"who pushes","type":"managed"}' |
    jq -c '{name, description, membersCount}'
  # This script sends the body of its last request here: unknown fields mean nothing.
  admin -X PUT "https://$HOST/enzi/v0/accounts/engineering/teams/backend/members/jeff" \
    -d '{"name":"backend","description":"who pushes","type":"managed"}' | jq -c '{name: .member.name, isAdmin}'
  # A repository, with fields that no longer mean anything and a comma behind the object.
  admin -X POST "https://$HOST/api/v0/repositories/engineering" \
    -d '{"name":"api","shortDescription":"The API","longDescription":"# API","visibility":"private","isPublic":false,"localRepository":true},' |
    jq -c '{namespace, namespaceType, name, shortDescription, visibility, scanOnPush, immutableTags, tagLimit}'
  admin -X PUT "https://$HOST/api/v0/repositories/engineering/api/teamAccess/backend" -d '{"accessLevel":"read-write"}' |
    jq -c '{accessLevel}'
  # UCP's login, with the content type that curl sends of its own; its answer is cut, not parsed.
  session=$(curl -sS --fail --cacert "$CA" "https://$HOST/auth/login" \
    -d "{\"username\":\"jeff\",\"password\":\"$USER_PASSWORD\"}" | cut -d\" -f4)
  curl -sS --fail --cacert "$CA" -H "Authorization: Bearer $session" "https://$HOST/id/" | jq -c '{name}'
  # An access token; it is shown this once.
  jeff -X POST "https://$HOST/api/v0/api_tokens" -d '{"tokenLabel":"ci"}' >"$TOKEN_FILE"
  jq -c '{tokenLabel, isActive, generatedBy}' "$TOKEN_FILE"
  admin -X POST "https://$HOST/api/v0/repositories/scan/toggle" -d '{"scanOnPush":true}' -o /dev/null -w '%{http_code}\n'
}

read_all() {
  token=$(jq -r .token "$TOKEN_FILE")
  # Who there is: page by page with the last element asked for again, and all at once.
  admin "https://$HOST/enzi/v0/accounts?filter=all&limit=2" | jq -c '[.accounts[].name], .nextPageStart'
  admin "https://$HOST/enzi/v0/accounts?filter=all&limit=2&start=engineering" | jq -c '[.accounts[].name], .nextPageStart'
  admin "https://$HOST/accounts/?filter=users&limit=100000" | jq -c '[.accounts[].name]'
  admin "https://$HOST/enzi/v0/accounts/engineering" | jq -c '{name, isOrg, membersCount, teamsCount}'
  admin "https://$HOST/enzi/v0/accounts/engineering/members" | jq -c '[.members[] | {name: .member.name, isAdmin}]'
  admin "https://$HOST/enzi/v0/accounts/engineering/teams/backend/members" | jq -c '[.members[].member.name]'
  # DTR's lists: by header, by a count, and everything in one page.
  admin -D - -o /dev/null "https://$HOST/api/v0/repositories?pageSize=1&count=true" |
    tr -d '\r' | grep -i -E '^(X-Next-Page-Start|X-Resource-Count):' | sort
  jeff "https://$HOST/api/v0/repositories/?pageSize=100000" | jq -c '[.repositories[] | {namespace, name, visibility, scanOnPush}]'
  jeff "https://$HOST/api/v0/repositories/engineering/api" | jq -c '{id, longDescription}'
  jeff "https://$HOST/api/v0/repositories/engineering/api/teamAccess" | jq -c '[.teamAccessList[] | {accessLevel, team: .team.name}]'
  # The token in a query, in a Basic field, and two Authorization fields of which the first is empty.
  curl -sS --fail --cacert "$CA" "https://$HOST/api/v0/repositories?refresh_token=$token" | jq '.repositories | length'
  curl -sS --fail --cacert "$CA" -u "jeff:$token" "https://$HOST/api/v0/api_tokens" | jq -c '[.[].tokenLabel]'
  jwt=$(curl -sS --fail --cacert "$CA" -u "jeff:$token" "https://$HOST/auth/token" | jq -r .token)
  curl -sS --fail --cacert "$CA" -H "Authorization: Basic Og==" -H "Authorization: Bearer $jwt" \
    "https://$HOST/api/v0/repositories/engineering/api" | jq -c '{name}'
  admin "https://$HOST/api/v0/events?pageSize=1000&eventType=CREATE" |
    jq -c '[.events[] | select(.object.type == "REPOSITORY") | {type, actor: .actor, repository}]'
  admin "https://$HOST/api/v0/admin/version" | jq -c 'keys'
  admin "https://$HOST/api/v0/meta/settings" | jq -r '.replicaID | length'
  # What must not be: a stranger, a wrong password, somebody without the right.
  status "https://$HOST/api/v0/repositories/engineering/api"
  status -u jeff:wrong "https://$HOST/api/v0/repositories"
  status -u "jeff:$USER_PASSWORD" "https://$HOST/api/v0/meta/settings"
  status -X POST -u "jeff:$USER_PASSWORD" "https://$HOST/enzi/v0/accounts" -d '{"name":"eve","password":"long enough it is","isAdmin":true}'
}

take_away() {
  admin -X DELETE "https://$HOST/enzi/v0/accounts/engineering/teams/backend/members/jeff" -o /dev/null -w '%{http_code}\n'
}

case "$1" in
  set-up) set_up ;;
  read) read_all ;;
  take-away) take_away ;;
esac
