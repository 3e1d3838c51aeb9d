/** The live page of `watch`: three texts without anything of a run in them; all that is shown comes by events and is set as text. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runs</title>
<link rel="stylesheet" href="/uplot.css">
<link rel="stylesheet" href="/watch.css">
</head>
<body>
<header><h1>Runs</h1><p id="status" role="status">connecting</p></header>
<table><thead><tr><th>show</th><th>run</th><th>state</th><th>epoch</th><th>step</th><th>last loss</th><th>test</th><th>images/s</th><th>peak memory</th></tr></thead><tbody id="runs"></tbody></table>
<p id="empty">No run here yet. It appears by itself.</p>
<h2>Test accuracy, throughput, memory</h2><div id="epochs" class="grid"></div>
<h2>Loss of each block</h2><div id="losses" class="grid"></div>
<script src="/uplot.js"></script>
<script src="/watch.js"></script>
</body>
</html>
`;

export const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { margin: 1.2rem; font: 14px/1.4 system-ui, sans-serif; }
header { display: flex; gap: 1rem; align-items: baseline; }
h1 { font-size: 1.2rem; margin: 0; } h2 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
#status { margin: 0; opacity: .75; }
table { border-collapse: collapse; margin-top: .8rem; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
td[data-state="failed"] { color: #c0392b; font-weight: 600; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; vertical-align: -.05em; }
.grid { display: flex; flex-wrap: wrap; gap: .8rem; }
.u-title { font-size: 13px; font-weight: 600; } .u-legend { display: none; }
[hidden] { display: none; }
`;

export const SCRIPT = `'use strict';
const COLORS = ['#0072B2', '#D55E00', '#009E73', '#C0669A', '#A97B00', '#3A93CC', '#7F7F7F'];
const runs = new Map();
const hidden = new Set();
const charts = new Map();
const byId = (id) => document.getElementById(id);
const say = (text) => { byId('status').textContent = text; };
const ink = getComputedStyle(document.body).color;
const grid = { stroke: 'rgba(127,127,127,.25)', width: 1 };

function bytes(value) {
  for (const unit of ['B', 'kB', 'MB']) { if (Math.abs(value) < 1000) return value.toFixed(unit === 'B' ? 0 : 1) + ' ' + unit; value /= 1000; }
  return value.toFixed(2) + ' GB';
}
const colorOf = (id) => COLORS[[...runs.keys()].sort().indexOf(id) % COLORS.length];

/** One chart, all shown runs in it; drawn anew only where runs come or go. */
function draw(place, title, column, rowsOf, format) {
  const shown = [...runs.values()].filter((run) => !hidden.has(run.id) && rowsOf(run).some((row) => row[column] != null))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const key = shown.map((run) => run.id).join('\\n');
  let chart = charts.get(title);
  if (chart && chart.key !== key) { chart.plot.destroy(); charts.delete(title); chart = undefined; }
  if (shown.length === 0) return;
  const data = uPlot.join(shown.map((run) => { const rows = rowsOf(run); return [rows.map((row) => row[0]), rows.map((row) => row[column])]; }));
  if (chart) { chart.plot.setData(data); return; }
  const axis = { stroke: ink, grid, ticks: grid, font: '11px system-ui' };
  const plot = new uPlot({
    title, width: 330, height: 200, scales: { x: { time: false } }, cursor: { show: false },
    axes: [{ ...axis, values: (_, v) => v.map(String) }, { ...axis, size: 62, values: (_, v) => v.map(format) }],
    series: [{}, ...shown.map((run) => ({ label: run.id, stroke: colorOf(run.id), width: 1.5, spanGaps: true, points: { show: rowsOf(run).length < 20 } }))],
  }, data, place);
  charts.set(title, { key, plot });
}

const number = (value) => (value == null ? '' : Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(1) : String(Number(value.toPrecision(4))));
const last = (rows, column) => { for (let i = rows.length - 1; i >= 0; i--) if (rows[i][column] != null) return rows[i][column]; return null; };

function table() {
  const body = byId('runs');
  body.replaceChildren(...[...runs.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map((run) => {
    const row = document.createElement('tr');
    row.dataset.run = run.id;
    const cell = (text) => { const td = document.createElement('td'); td.textContent = text; row.append(td); return td; };
    const box = document.createElement('input');
    box.type = 'checkbox'; box.checked = !hidden.has(run.id); box.ariaLabel = 'show ' + run.id;
    box.onchange = () => { if (box.checked) hidden.delete(run.id); else hidden.add(run.id); show(); };
    cell('').append(box);
    const name = cell('');
    const swatch = document.createElement('span'); swatch.className = 'swatch'; swatch.style.background = colorOf(run.id);
    name.append(swatch, run.id);
    const state = cell(run.state); state.dataset.state = run.state; state.title = run.problem || run.time || '';
    cell(run.epochs == null ? String(run.epoch) : run.epoch + '/' + run.epochs);
    cell(String(run.step));
    cell(number(last(run.losses, run.blocks)));
    const accuracy = last(run.epochRows, 1), rate = last(run.epochRows, 2), peak = last(run.epochRows, 3);
    cell(accuracy == null ? '' : (100 * accuracy).toFixed(2) + ' %');
    cell(rate == null ? '' : Math.round(rate).toLocaleString('en'));
    cell(peak == null ? '' : bytes(peak));
    return row;
  }));
  byId('empty').hidden = runs.size > 0;
}

let planned = false;
function show() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    table();
    draw(byId('epochs'), 'test accuracy, %', 1, (run) => run.epochRows, (v) => number(v == null ? v : 100 * v));
    draw(byId('epochs'), 'images per second', 2, (run) => run.epochRows, number);
    draw(byId('epochs'), 'peak memory of tensors', 3, (run) => run.epochRows, (v) => (v == null ? '' : bytes(v)));
    const blocks = Math.max(0, ...[...runs.values()].map((run) => run.blocks));
    for (let block = 1; block <= blocks; block++) draw(byId('losses'), 'block ' + block, block, (run) => run.losses, number);
  });
}

const source = new EventSource('/events');
source.onopen = () => { runs.clear(); say('live'); };
source.onerror = () => say('connection lost; trying again');
source.addEventListener('run', (event) => { const run = JSON.parse(event.data); runs.set(run.id, run); show(); });
source.addEventListener('runs', (event) => { const kept = JSON.parse(event.data); for (const id of runs.keys()) if (!kept.includes(id)) runs.delete(id); show(); });
`;
