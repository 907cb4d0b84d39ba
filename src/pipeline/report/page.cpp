// The page around the sections: one file that fetches nothing.
#include <fmt/format.h>

#include <filesystem>

#include "html.h"
#include "sections.h"

namespace mpq {
namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --paper: #fff; --panel: #f5f7f9; --ink: #1b2026; --muted: #59636e;
  --rule: #d5dbe1; --ours: #0b62c4; --rival: #b25000; --rest: #8a949e; --warning: #b3261e;
  --s0: #0b62c4; --s1: #3f9a94; --s2: #b25000; --s3: #8a63b8; --s4: #7a7f2a; --s5: #c2407a; --s6: #59636e; }
@media (prefers-color-scheme: dark) { :root { --paper: #101418; --panel: #181e24; --ink: #e5e9ed;
  --muted: #9ba6b1; --rule: #313a43; --ours: #74b3ff; --rival: #f2a765; --rest: #7b8691; --warning: #ff8a80;
  --s0: #74b3ff; --s1: #6fc7c0; --s2: #f2a765; --s3: #c3a3ec; --s4: #c4c96a; --s5: #f08ab4; --s6: #9ba6b1; } }
@media print { :root { color-scheme: light; --paper: #fff; --panel: #f5f7f9; --ink: #000; --muted: #444;
  --rule: #bbb; --ours: #0b62c4; --rival: #b25000; --rest: #8a949e; --warning: #b3261e; }
  section, article { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 48px; display: grid; gap: 8px 32px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
header, section.wide { grid-column: 1 / -1; }
h1 { font-size: 24px; line-height: 1.2; margin: 8px 0 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 20px 0 8px; }
.subtitle, .note, figcaption, .source { color: var(--muted); font-size: 13px; margin: 4px 0; overflow-wrap: anywhere; }
.verdict { font-size: 17px; margin: 4px 0 12px; }
section { min-width: 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px 4px 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top;
  font-weight: normal; overflow-wrap: anywhere; }
th { color: var(--muted); }
table.headline td:last-child { font-weight: 600; }
table.headline { table-layout: fixed; }
.error { color: var(--muted); font-weight: normal; font-size: 85%; white-space: nowrap; }
figure { margin: 0; max-width: 620px; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 10px system-ui, sans-serif; fill: var(--ink); }
svg text.onfill { fill: var(--paper); }
.grid { stroke: var(--rule); stroke-width: 0.7; }
.line { fill: none; stroke-width: 1.5; } .whisker { stroke-width: 1.2; }
.line.ours, .whisker.ours { stroke: var(--ours); } .line.rival, .whisker.rival { stroke: var(--rival); }
.dot.ours, .fill.ours { fill: var(--ours); } .dot.rival { fill: var(--rival); } .fill.rest { fill: var(--rest); }
.fill.s0 { fill: var(--s0); } .fill.s1 { fill: var(--s1); } .fill.s2 { fill: var(--s2); } .fill.s3 { fill: var(--s3); }
.fill.s4 { fill: var(--s4); } .fill.s5 { fill: var(--s5); } .fill.s6 { fill: var(--s6); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 4px 0; font-size: 13px; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px; vertical-align: -1px; }
i.ours { background: var(--ours); } i.rival { background: var(--rival); }
i.s0 { background: var(--s0); } i.s1 { background: var(--s1); } i.s2 { background: var(--s2); } i.s3 { background: var(--s3); }
i.s4 { background: var(--s4); } i.s5 { background: var(--s5); } i.s6 { background: var(--s6); }
.cards { display: grid; gap: 10px 32px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
article { background: var(--panel); padding: 10px 12px; border-radius: 6px; min-width: 0; }
article p { margin: 4px 0; }
pre, code { font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { margin: 4px 0; } pre.command { background: var(--panel); padding: 10px 12px; border-radius: 6px; }
.warning { color: var(--warning); }
)css";

std::string title_of(const ReportFacts& facts) {
  const std::filesystem::path model(facts.plan.at("model").value("path", "model"));
  return fmt::format("{} at {} bits a weight", html::escape(model.filename().string()),
                     html::number(facts.plan.at("achieved").at("effective_bits"), 4));
}

}  // namespace

std::string report_page(const ReportFacts& facts) {
  const std::string title = title_of(facts);
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<title>mpq: {}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n"
             "</head>\n<body>\n<main>\n<header>\n<h1>{}</h1>\n"
             "<p class=\"subtitle\">quantized for a task by mpq {}</p>\n</header>\n",
             title, kStyle, title, html::escape(facts.report.at("mpq").get<std::string>())) +
         headline_section(facts) + curve_section(facts) + bits_section(facts) +
         sensitivity_section(facts) + bytes_section(facts) + prompts_section(facts) +
         evidence_sections(facts) + "</main>\n</body>\n</html>\n";
}

}  // namespace mpq
