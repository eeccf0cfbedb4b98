// fuzz: token db_sqlite keys
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdlib.h>
#include <string>

#include "db/sqlite/sqlite.hpp"
#include "token/tokens.hpp"

namespace {

using namespace holdfast;

// Tokens over a database of this process, gone at its end.
struct World {
  World() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-fuzz-XXXXXX").string();
    folder = mkdtemp(name.data());
    database = db::sqlite::open((folder / "test.db").string()).value();
    if (!database->migrate(keys::migrations())) std::abort();
    store = std::make_unique<keys::KeyStore>(*database, crypto::Sealer({}), clock, random);
    tokens = token::Tokens::open(*store, {}, clock, random).value();
    good = tokens->issue({.account_id = 7, .name = "alice"}, {}, "here").token;
  }
  ~World() { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<keys::KeyStore> store;
  std::unique_ptr<token::Tokens> tokens;
  std::string good;
};

}  // namespace

// Nothing but what we have signed is a token: neither the bytes alone nor in place of a part of
// ours.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (world.tokens->verify(text, "here")) std::abort();
  const std::size_t first = world.good.find('.');
  const std::size_t last = world.good.rfind('.');
  for (const std::string& forged :
       {text + world.good.substr(first), world.good.substr(0, last + 1) + text,
        world.good.substr(0, first + 1) + text + world.good.substr(last)}) {
    if (forged != world.good && world.tokens->verify(forged, "here")) std::abort();
  }
  return 0;
}
