#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detect/finding.hpp"
#include "detect/languages.hpp"

namespace holdfast::detect {

namespace {

using ::testing::ElementsAre;
using testing::found_in;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listed;

TEST(Dotnet, ItsFilesAreWanted) {
  for (const std::string_view path :
       {"app/app.deps.json", "src/packages.lock.json", "src/packages.config", "src/Packages.config",
        "src/Directory.Packages.props", "Packages.props"}) {
    EXPECT_TRUE(wants_dotnet(path)) << path;
  }
  for (const std::string_view path : {"app/deps.json", "a.props", "package.config", ""}) {
    EXPECT_FALSE(wants_dotnet(path)) << path;
  }
}

TEST(Dotnet, PackagesOfTheRuntimeTargetAreRead) {
  const Found found = found_in(detect_dotnet, "app/app.deps.json", R"({
    "runtimeTarget": {"name": ".NETCoreApp,Version=v6.0", "signature": ""},
    "targets": {".NETCoreApp,Version=v6.0": {
      "app/1.0.0": {"dependencies": {"Newtonsoft.Json": "9.0.1"}, "runtime": {"app.dll": {}}},
      "Newtonsoft.Json/9.0.1": {"runtime": {"lib/Newtonsoft.Json.dll": {}}},
      "runtime.native.System/4.0.0": {"runtimeTargets": {"x.so": {}}},
      "Microsoft.NETCore.Targets/1.1.0": {}}},
    "libraries": {
      "app/1.0.0": {"type": "project", "serviceable": false},
      "Newtonsoft.Json/9.0.1": {"type": "package", "serviceable": true},
      "runtime.native.System/4.0.0": {"type": "package"},
      "Microsoft.NETCore.Targets/1.1.0": {"type": "package"},
      "Unmentioned/2.0.0": {"type": "Package"},
      "noversion": {"type": "package"},
      "bad/1": 7}})");
  ASSERT_THAT(listed(found), ElementsAre("Newtonsoft.Json@9.0.1", "runtime.native.System@4.0.0",
                                         "Unmentioned@2.0.0"));
  EXPECT_EQ(found.packages().front().type, packages::Type::nuget);
  EXPECT_EQ(found.packages().front().detector, "nuget");
}

TEST(Dotnet, LockedPackagesAreReadOnce) {
  EXPECT_THAT(listed(found_in(detect_dotnet, "packages.lock.json", R"({"version": 1,
    "dependencies": {
      "net5.0": {"A": {"type": "Direct", "requested": "[1.0.0, 2.0.0]", "resolved": "1.0.0"},
                 "P": {"type": "Project", "resolved": "1.0.0"},
                 "Q": {"type": "Project"}
}
, "net6.0" : {
  "A" : {"type" : "Transitive", "resolved" : "1.0.0"},
  "B" : {"type" : "Transitive", "resolved" : "2.0.0"}
},
             "bad" : 1
}
})")),
              ElementsAre("A@1.0.0", "B@2.0.0"));
}

TEST(Dotnet, XmlFilesAreRead) {
  EXPECT_THAT(listed(found_in(detect_dotnet, "packages.config", R"(<?xml version="1.0"?>
<packages>
  <!-- <package id="Old" version="1" /> -->
  <package id="jQuery" version="3.4.1" targetFramework="net472" />
  <package id='Moq' version='4.2' developmentDependency="true" />
  <package
      version="5.0" allowedVersions=">4"
      id="EntityFramework"/>
  <package id="NoVersion" />
</packages>)")),
              ElementsAre("jQuery@3.4.1", "EntityFramework@5.0"));
  EXPECT_THAT(listed(found_in(detect_dotnet, "Directory.Packages.props", R"x(<Project>
  <ItemGroup>
    <PackageVersion Include="Serilog" Version="2.10.0" />
    <PackageReference Update="X" Version="1.0"></PackageReference>
    <PackageVersion Include="Var" Version="$(VarVersion)" />
    <PackageVersionX Include="Y" Version="1" />
  </ItemGroup></Project>)x")),
              ElementsAre("Serilog@2.10.0", "X@1.0"));
}

TEST(Dotnet, BrokenFilesAreBounded) {
  for (const std::string& text :
       {std::string(100'000, '<'), std::string("<package id=\"a"), std::string("<!--"),
        std::string("<package id=a version=1>"), std::string("<>"), std::string()}) {
    EXPECT_THAT(found_in(detect_dotnet, "packages.config", text).packages(), IsEmpty());
  }
  for (const std::string_view path : {"a.deps.json", "packages.lock.json"}) {
    EXPECT_THAT(found_in(detect_dotnet, path, "{").remarks(), ElementsAre(HasSubstr("no JSON")));
    EXPECT_THAT(found_in(detect_dotnet, path, "[]").packages(), IsEmpty());
  }
}

}  // namespace

}  // namespace holdfast::detect
