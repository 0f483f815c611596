// The look of a report page.
#pragma once

namespace glossa::eval {

inline constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667080; --paper: #fbfaf8; --card: #fff; --line: #e5e2dc;
  --accent: #2563eb; --good: 16,150,100; --bad: 220,50,50; --odd: 202,138,4; --more: 37,99,235; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e3; --soft: #98a2b0; --paper: #15171a; --card: #1d2024;
  --line: #33373d; --accent: #7aa7ff; --good: 52,190,130; --bad: 240,90,90; --odd: 224,170,50; --more: 110,160,255; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 19px; letter-spacing: -.01em; margin: 52px 0 6px; }
.subtitle, .note, footer { color: var(--soft); }
.subtitle { margin: 6px 0 0; }
.note { margin: 0 0 14px; max-width: 90ch; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; padding: 10px 0 0; border-top: 1px solid var(--line); font-size: 14px; }
nav a { color: var(--accent); text-decoration: none; }
nav a:hover { text-decoration: underline; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 14px; margin: 28px 0 0; }
.figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.figure { padding: 16px 18px 14px; }
.figure b { display: block; font-size: 28px; line-height: 1.15; letter-spacing: -.02em; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figure span { display: block; margin-top: 4px; }
.figure small { color: var(--soft); font-size: 13px; }
.card { padding: 6px 18px; margin: 14px 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; font-size: 13px; text-align: right; vertical-align: bottom; padding: 9px 0 7px 16px; border-bottom: 1px solid var(--line); }
td { text-align: right; padding: 7px 0 7px 16px; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th.t, td.t { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
td small { color: var(--soft); font-size: 12px; margin-left: 6px; }
tr.strong td { font-weight: 600; }
tr.strong td small { font-weight: 400; }
.bar { position: relative; height: 5px; min-width: 110px; margin: 5px 0 2px; border-radius: 3px; background: rgba(128,128,128,.16); }
.bar i { position: absolute; left: 0; top: 0; bottom: 0; border-radius: 3px; background: var(--accent); opacity: .75; }
.bar u { position: absolute; top: -2px; bottom: -2px; border: 1px solid var(--ink); border-width: 0 1px; opacity: .55; background: linear-gradient(var(--ink), var(--ink)) center/100% 1px no-repeat; }
.matrix td:not(.t), .matrix th:not(.t) { text-align: center; padding: 8px 10px; }
.matrix td:not(.t) { border-left: 1px solid var(--line); }
.matrix td small { display: block; margin: 0; }
.plot { padding: 14px 12px 6px; }
.plot svg { display: block; width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 24px; margin: 0; }
dt, dd { margin: 0; padding: 6px 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); }
dd { overflow-wrap: anywhere; }
dl > :nth-last-child(-n+2) { border-bottom: 0; }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; color: var(--soft); margin: 0 0 10px; }
.sample { padding: 12px 18px 16px; }
.sample header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 20px; font-size: 13px; color: var(--soft); }
.sample header span { overflow-wrap: anywhere; }
.sample p { margin: 6px 0 0; }
.sample .heard { font-size: 17px; line-height: 2.3; }
.sample .said { color: var(--soft); }
.sub, .del, .ins { border-radius: 4px; padding: 1px 4px; color: var(--ink); }
.sub { background: rgba(var(--odd),.24); }
.del { background: rgba(var(--bad),.16); text-decoration: line-through; text-decoration-color: rgba(var(--bad),.9); }
.ins { background: rgba(var(--more),.18); }
.near { border-bottom: 2px dotted var(--soft); color: inherit; }
rt { font-size: 11px; color: rgb(var(--good)); font-weight: 500; }
footer { margin-top: 56px; font-size: 13px; }
@media print { body { background: #fff; } .card, .figure { break-inside: avoid; } nav { display: none; } }
)css";

}  // namespace glossa::eval
