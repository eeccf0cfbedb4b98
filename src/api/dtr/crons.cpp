// /crons, /action_configs, /workers: when jobs are made, with what, and who runs them. For
// administrators.
#include <boost/json/array.hpp>

#include "api/dtr/handlers.hpp"
#include "api/dtr/job_fields.hpp"
#include "base/clock.hpp"

namespace holdfast::api::dtr {

namespace {

boost::json::object shown(const jobs::Cron& cron) {
  return {{"id", cron.uuid},
          {"action", cron.action},
          {"schedule", cron.schedule},
          {"retries", cron.retries},
          {"capacityMap", shown_capacity(cron.capacity)},
          {"parameters", shown_parameters(cron.parameters)},
          {"deadline", cron.deadline},
          {"stopTimeout", cron.stop_timeout},
          {"nextRun", rfc3339(cron.next_run)}};
}

boost::json::object shown(const jobs::ActionConfig& config) {
  return {{"id", config.uuid},
          {"action", config.action},
          {"parameters", shown_parameters(config.parameters)}};
}

boost::json::object shown(const jobs::Worker& worker) {
  return {{"id", worker.id},
          {"status", worker.is_alive ? "running" : "dead"},
          {"capacityMap", shown_capacity(worker.capacity)},
          {"heartbeatExpiration", rfc3339(worker.heartbeat_ends)}};
}

template <typename Row>
http::Response list_response(std::string_view name, const std::vector<Row>& rows) {
  boost::json::array array;
  for (const Row& row : rows) array.emplace_back(shown(row));
  return rest::json_response(200, boost::json::object{{name, std::move(array)}});
}

Answer list_crons(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto crons, services.jobs.schedules.list());
  return list_response("crons", crons);
}

Answer set_cron(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  jobs::NewCron wanted;
  HF_TRY(wanted.job, job_in(call.fields));
  HF_TRY(wanted.schedule, call.fields.required_text("schedule"));
  HF_TRY(const jobs::Cron cron, services.jobs.schedules.set(wanted, call.actor()));
  return rest::json_response(202, shown(cron));
}

Answer get_cron(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const jobs::Cron cron, services.jobs.schedules.find(call.parameters[0]));
  return rest::json_response(200, shown(cron));
}

Answer remove_cron(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.jobs.schedules.remove(call.parameters[0], call.actor()));
  return http::Response(204);
}

Answer list_configs(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto configs, services.jobs.configs.list());
  return list_response("actionConfigs", configs);
}

Answer set_config(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const std::string action, call.fields.required_text("action"));
  HF_TRY(const boost::json::object parameters, parameters_in(call.fields));
  HF_TRY(const auto config, services.jobs.configs.set(action, parameters, call.actor()));
  return rest::json_response(202, shown(config));
}

Answer get_config(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto config, services.jobs.configs.find(call.parameters[0]));
  return rest::json_response(200, shown(config));
}

Answer remove_config(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_CHECK(services.jobs.configs.remove(call.parameters[0], call.actor()));
  return http::Response(204);
}

Answer list_workers(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const auto workers, services.jobs.workers.list());
  return list_response("workers", workers);
}

Answer set_capacity(const Services& services, const Call& call) {
  HF_CHECK(rest::need_administrator(call));
  HF_TRY(const jobs::CapacityMap capacity, capacity_in(call.fields));
  HF_CHECK(services.jobs.workers.set_capacity(call.parameters[0], capacity, call.actor()));
  return rest::json_response(202, boost::json::object());
}

}  // namespace

std::vector<rest::Route> cron_routes(const Services& services) {
  using http::Method;
  return {{Method::get, "/crons", bound(services, list_crons)},
          {Method::post, "/crons", bound(services, set_cron)},
          {Method::get, "/crons/{action}", bound(services, get_cron)},
          {Method::del, "/crons/{action}", bound(services, remove_cron)},
          {Method::get, "/action_configs", bound(services, list_configs)},
          {Method::post, "/action_configs", bound(services, set_config)},
          {Method::get, "/action_configs/{action}", bound(services, get_config)},
          {Method::del, "/action_configs/{action}", bound(services, remove_config)},
          {Method::get, "/workers", bound(services, list_workers)},
          {Method::post, "/workers/{worker}/capacity", bound(services, set_capacity)}};
}

}  // namespace holdfast::api::dtr
