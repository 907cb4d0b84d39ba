#pragma once
// The door to every plug-in: a class in an anonymous namespace of one .cpp registers itself under
// its file's name.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpq/core/options.h"
#include "mpq/core/spec.h"

namespace mpq {

/// What is known of one plug-in that implements `Interface`.
template <class Interface>
struct Plugin {
  std::string name;
  std::string summary;
  std::vector<OptionInfo> options;
  std::function<std::unique_ptr<Interface>(const Spec&)> make;
  std::function<Spec(const Spec&)>
      canonical;  // strict parse, then only what differs from the defaults
};

/// The plug-ins of one kind. `Interface` has `static constexpr const char* kKind`, as in
/// "quantizer".
template <class Interface>
class Registry {
 public:
  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  void add(Plugin<Interface> plugin) {
    const std::string name = plugin.name;
    require(plugins_.emplace(name, std::move(plugin)).second, ErrorCode::Internal,
            "{} \"{}\" is registered twice", Interface::kKind, name);
  }

  /// Throws Error(Usage) with a suggestion when there is no such plug-in.
  const Plugin<Interface>& at(const std::string& name) const {
    const auto found = plugins_.find(name);
    require(found != plugins_.end(), ErrorCode::Usage, "unknown {} \"{}\"{}", Interface::kKind,
            name, found == plugins_.end() ? suggestion(name, names()) : std::string());
    return found->second;
  }

  bool contains(const std::string& name) const { return plugins_.count(name) != 0; }
  std::unique_ptr<Interface> make(const Spec& spec) const { return at(spec.name).make(spec); }
  std::unique_ptr<Interface> make(const std::string& spec) const { return make(parse_spec(spec)); }
  Spec canonical(const Spec& spec) const { return at(spec.name).canonical(spec); }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, plugin] : plugins_) result.push_back(name);
    return result;
  }

 private:
  std::map<std::string, Plugin<Interface>> plugins_;
};

/// Registers `Implementation`, which has a nested `Options` and a constructor that takes it.
template <class Interface, class Implementation>
struct Registration {
  Registration(const std::string& name, const std::string& summary) {
    using Options = typename Implementation::Options;
    Registry<Interface>::instance().add(
        {name, summary, describe_options<Options>(),
         [](const Spec& spec) -> std::unique_ptr<Interface> {
           return std::make_unique<Implementation>(parse_options<Options>(spec));
         },
         [name](const Spec& spec) { return canonical_spec(name, parse_options<Options>(spec)); }});
  }
};

/// In a plug-in's .cpp: MPQ_REGISTER(Quantizer, Gptq, "gptq", "one line of what it does");
#define MPQ_REGISTER(Interface, Implementation, name, summary)                               \
  const ::mpq::Registration<Interface, Implementation> k##Implementation##Registration(name, \
                                                                                       summary)

}  // namespace mpq
