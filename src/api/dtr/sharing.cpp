// /holdfast/repositories/{namespace}/{repository}/manifests/{reference}/sharing: what else holds a
// manifest and its layers, for whoever is about to delete it.
#include "repos/sharing.hpp"

#include <map>
#include <set>

#include "api/dtr/handlers.hpp"

namespace holdfast::api::dtr {

namespace {

using access::Action;

// The names of those repositories that the caller may see, within the scope of the access token if
// it came with one. The rest is a number.
class Names {
 public:
  Names(const Services& services, const Call& call, const repos::ManifestSharing& sharing)
      : services_(services), call_(call) {
    ids_.insert(sharing.holders.repository_ids.begin(), sharing.holders.repository_ids.end());
    for (const repos::BlobSharing& blob : sharing.blobs) {
      ids_.insert(blob.holders.repository_ids.begin(), blob.holders.repository_ids.end());
    }
  }
  Result<void> load() {
    constexpr std::size_t kStep = 500;
    const std::vector<std::int64_t> ids(ids_.begin(), ids_.end());
    for (std::size_t at = 0; at < ids.size(); at += kStep) {
      const std::span step = std::span(ids).subspan(at, std::min(kStep, ids.size() - at));
      HF_TRY(const auto found, services_.repositories.find(step));
      for (const repos::Repository& one : found) {
        if (sees(one)) visible_.emplace(one.id, one.name.text());
      }
    }
    return {};
  }
  [[nodiscard]] boost::json::object shown(const repos::Holders& holders) const {
    std::set<std::string> names;
    for (const std::int64_t id : holders.repository_ids) {
      const auto found = visible_.find(id);
      if (found != visible_.end()) names.insert(found->second);
    }
    const std::int64_t hidden = std::ssize(holders.repository_ids) - std::ssize(names);
    boost::json::array first;
    for (const std::string& name : names) {
      if (std::ssize(first) < repos::kNamedAtMost) first.emplace_back(name);
    }
    return {{"names", std::move(first)},
            {"visible", names.size()},
            {"hidden", hidden},
            {"more", holders.more}};
  }

 private:
  [[nodiscard]] bool sees(const repos::Repository& one) const {
    const auto& token = call_.caller.access_token;
    return access::decide(call_.subject(), Action::view, access::Object::of(one)) &&
           (!token || token->on(one.name.text()).pull);
  }

  const Services& services_;
  const Call& call_;
  std::set<std::int64_t> ids_;
  std::map<std::int64_t, std::string> visible_;
};

boost::json::object shown(const repos::Page<std::string>& page) {
  return {{"names", boost::json::array(page.items.begin(), page.items.end())}, {"more", page.more}};
}

Answer get_sharing(const Services& services, const Call& call) {
  HF_TRY(const auto repository, find_repository(services, call, Action::view));
  HF_TRY(const repos::Reference reference, repos::parse_reference(call.parameters[2]));
  HF_TRY(const auto stored, services.content.manifest(repository->id, reference));
  HF_TRY(const repos::ManifestSharing sharing,
         repos::sharing(services.database, repository->id, *stored));
  Names names(services, call, sharing);
  HF_CHECK(names.load());
  boost::json::array blobs;
  std::uint64_t exclusive_bytes = 0;
  for (const repos::BlobSharing& blob : sharing.blobs) {
    const bool alone = blob.holders.repository_ids.empty() && blob.manifests == 0;
    if (alone) exclusive_bytes += std::min(blob.blob.size_bytes, kStatedBytesAtMost);
    blobs.emplace_back(boost::json::object{{"digest", blob.blob.digest.text()},
                                           {"mediaType", blob.blob.media_type},
                                           {"size", blob.blob.size_bytes},
                                           {"repositories", names.shown(blob.holders)},
                                           {"manifests", blob.manifests}});
  }
  return rest::json_response(200,
                             boost::json::object{{"digest", stored->digest.text()},
                                                 {"mediaType", stored->media_type},
                                                 {"tags", shown(sharing.tags)},
                                                 {"indexes", shown(sharing.indexes)},
                                                 {"referrers", shown(sharing.referrers)},
                                                 {"repositories", names.shown(sharing.holders)},
                                                 {"exclusiveBytes", exclusive_bytes},
                                                 {"blobs", std::move(blobs)}});
}

}  // namespace

std::vector<rest::Route> sharing_routes(const Services& services) {
  return {{http::Method::get,
           "/holdfast/repositories/{namespace}/{repository}/manifests/{reference}/sharing",
           bound(services, get_sharing)}};
}

}  // namespace holdfast::api::dtr
