#include "client/tables.hpp"

namespace holdfast::client {

std::vector<Command> scanning_commands() {
  return {
      {.noun = "scan",
       .verb = "",
       .summary = "Scan an image here, without a server: a reference on a registry, a folder (an "
                  "OCI layout or a root file system) or a tar (docker save, OCI)",
       .arguments = {"TARGET"},
       .flags = {{"advisories", "PATH", To::local, "",
                  "A file of `advisories build`, or archives or a folder of OSV records; "
                  "otherwise HOLDFAST_ADVISORIES"},
                 {"data-dir", "FOLDER", To::local, "",
                  "Those in force on the server of this data folder"},
                 {"platform", "OS/ARCH", To::local, "",
                  "Of an image for several (linux/amd64); also OS/ARCH/VARIANT"},
                 {"image", "NAME", To::local, "", "Which one of a file that holds several"},
                 {"format", "FORMAT", To::local, "", "table, json or sarif"},
                 {"output", "FILE", To::local, "", "Write there instead"},
                 {"only-fixed", "", To::local, "", "Only what another version mends"},
                 {"fail-on", "SEVERITY", To::local, "",
                  "End with 1 when something is found from critical, high, medium, low or "
                  "unknown on"}},
       .example = "holdfast scan dtr.mydns.com/acme/app:1.0 --advisories advisories.db\n"
                  "holdfast scan app.tar --format sarif --output app.sarif --fail-on high\n"
                  "holdfast scan / --only-fixed"},
      {.noun = "advisories",
       .verb = "status",
       .summary = "Show which advisories are in force on the server",
       .example = "holdfast advisories status"},
      {.noun = "advisories",
       .verb = "import",
       .summary = "Give the server advisories and wait until they are in force",
       .arguments = {"FILE..."},
       .flags = {{"source", "NAME", To::local, "",
                  "The source that they replace; otherwise their folders or ecosystems say it"}},
       .example = "holdfast advisories import PyPI.zip --source PyPI"},
      {.noun = "advisories",
       .verb = "build",
       .summary = "Make a file of advisories here, for holdfast scan",
       .arguments = {"OUT", "FILE..."},
       .flags = {{"source", "NAME", To::local, "",
                  "Their source, where their folders do not say it"}},
       .example = "holdfast advisories build advisories.db osv/"},
  };
}

}  // namespace holdfast::client
