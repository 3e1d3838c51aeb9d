/** The whole style of a report; part of each file, since a report must not need another. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1a1c1f; --soft: #5b626b; --line: #d5d9de; --page: #ffffff; --panel: #f6f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8eaed; --soft: #a3abb5; --line: #3a4048; --page: #16181c; --panel: #1f2227; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 3rem; max-width: 76rem; color: var(--text); background: var(--page);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.2rem 0 .7rem; padding-bottom: .25rem; font-size: 1.15rem; border-bottom: 1px solid var(--line); }
p { margin: .4rem 0; max-width: 62rem; }
.summary { font-size: 1.05rem; }
.soft, figcaption, caption { color: var(--soft); font-size: .87rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; caption-side: bottom; padding-top: .5rem; }
th, td { padding: .38rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--line); font-size: .87rem; line-height: 1.3; }
.number { text-align: right; }
td.number { white-space: nowrap; }
th .unit, th .state { color: var(--soft); font-weight: normal; font-size: .87rem; display: block; }
tbody th { font-weight: 600; white-space: nowrap; }
.best { font-weight: 700; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 31rem), 1fr)); gap: 1.6rem 2rem; align-items: start; }
.charts.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1.2rem; }
figure { margin: 0; min-width: 0; }
figure svg { display: block; max-width: 100%; height: auto; }
pre { margin: 0; padding: .8rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 4px;
  overflow-x: auto; font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 0 2rem; align-items: start; }
.facts { width: 100%; }
.facts th { width: 11rem; font-weight: normal; color: var(--soft); white-space: normal; }
.facts td { overflow-wrap: anywhere; }
@media print {
  @page { margin: 14mm; }
  :root { --text: #000; --soft: #444; --line: #bbb; --page: #fff; --panel: #fff; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  h2 { margin-top: 1.1rem; break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .charts { grid-template-columns: 1fr 1fr; gap: 1rem; }
  .charts.small { grid-template-columns: 1fr 1fr 1fr; }
  th, td { padding: .2rem .45rem; }
}
`;
