/** The console's style sheet, and the policy that lets nothing else in. */

/**
 * Follows the light or dark choice of the system. Texts have a contrast of at least 4.5, and no state is told by
 * colour alone.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --text: #1c2330; --soft: #566072; --line: #dde1e8;
  --accent: #2f5fb3; --on-accent: #ffffff;
  --good: #1d6b3e; --good-back: #e2f3e8; --warn: #7a4b00; --warn-back: #fdf0d7; --bad: #a3261f; --bad-back: #fbe6e4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1b212b; --text: #e6e9ef; --soft: #a3adbd; --line: #313947;
    --accent: #8db4ff; --on-accent: #0d1a30;
    --good: #8fdcad; --good-back: #17352a; --warn: #f2c879; --warn-back: #3a2d14; --bad: #ff9f97; --bad-back: #421f1f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
main.narrow { max-width: 24rem; padding-top: 12vh; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.5rem; padding: .5rem max(1rem, calc(50vw - 29rem)); background: var(--card); border-bottom: 1px solid var(--line); }
.brand { margin: 0; font-weight: 650; }
nav { display: flex; flex-wrap: wrap; gap: .25rem; flex: 1; }
nav a { padding: .4rem .75rem; border-radius: .5rem; color: var(--soft); text-decoration: none; }
nav a:hover { color: var(--text); background: var(--page); }
nav a[aria-current] { color: var(--text); background: var(--page); font-weight: 600; }
.account { display: flex; align-items: center; gap: .75rem; color: var(--soft); overflow-wrap: anywhere; }
@media (max-width: 34rem) {
  .brand { flex-basis: 100%; }
  nav { margin-left: -.75rem; }
}
h1 { font-size: 1.5rem; line-height: 1.2; margin: .5rem 0 1.25rem; }
h2 { font-size: 1.05rem; line-height: 1.4; margin: 0 0 .75rem; display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; overflow-wrap: anywhere; }
section { margin-bottom: 2rem; }
a { color: var(--accent); }
ul { margin: 0; padding: 0; list-style: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem; margin-bottom: 1rem; }
.cards { display: grid; gap: 1rem; }
.cards > .card { margin: 0; }
p.after { margin-top: 1.25rem; }
.empty { color: var(--soft); }
.notice { border-radius: .5rem; padding: .6rem .9rem; margin: 0 0 1rem; }
.good { color: var(--good); background: var(--good-back); }
.warn { color: var(--warn); background: var(--warn-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.badge { border-radius: 1rem; padding: .1rem .65rem; font-size: .8rem; font-weight: 600; }
.badge.quiet { color: var(--soft); background: var(--page); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
meter { width: 5rem; height: .7rem; margin-left: .5rem; vertical-align: middle; }
.figures { grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .75rem; margin-top: 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.figures dd { font-size: 1.2rem; font-variant-numeric: tabular-nums; }
.tags { display: flex; flex-wrap: wrap; gap: .4rem; }
.tags li { border: 1px solid var(--line); border-radius: .4rem; padding: 0 .5rem; font-size: .9rem; }
.field { margin: .75rem 0; max-width: 24rem; }
.fields { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.fields .field { flex: 1 1 14rem; }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
.hint { color: var(--soft); font-size: .875rem; font-weight: 400; margin: .25rem 0 0; }
input { font: inherit; width: 100%; padding: .5rem .65rem; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: .5rem; }
input.pin { width: 8rem; }
.pin { font: 600 1.35rem ui-monospace, monospace; letter-spacing: .25em; }
button, summary { font: inherit; font-weight: 600; border-radius: .5rem; padding: .5rem 1rem; cursor: pointer; }
button { color: var(--on-accent); background: var(--accent); border: 1px solid transparent; margin-top: .25rem; }
button:hover { filter: brightness(1.08); }
summary:hover { border-color: var(--soft); }
button.danger { color: var(--card); background: var(--bad); }
button.quiet { color: inherit; background: none; border-color: var(--line); margin: 0; padding: .3rem .75rem; }
.actions { display: flex; flex-wrap: wrap; align-items: start; gap: .5rem; margin-top: 1rem; }
summary { display: inline-block; color: var(--text); background: var(--page); border: 1px solid var(--line); padding: .3rem .85rem; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::after { content: "…"; }
details[open] { flex-basis: 100%; }
details form { padding: .75rem 0 .25rem; }
details p { margin: 0 0 .75rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
h3 { font-size: 1rem; line-height: 1.4; margin: 0 0 .25rem; display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .6rem; overflow-wrap: anywhere; }
p.soft { margin: 0 0 .5rem; }
.soft { color: var(--soft); overflow-wrap: anywhere; }
.address { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 1rem 2rem; }
.address > div { flex: 1 1 15rem; min-width: 0; }
.lead { margin: 0 0 .35rem; color: var(--soft); }
.big { margin: 0; font-size: 1.6rem; line-height: 1.3; display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .9rem; }
.big code { font-weight: 650; overflow-wrap: anywhere; }
.big button, .big .hint { font-size: 1rem; margin: 0; }
.qr { width: 8.5rem; height: 8.5rem; background: #fff; border-radius: .5rem; flex: none; }
.qr path { fill: #10151d; }
.alerts { margin-bottom: 1rem; }
.alerts .notice { margin-bottom: .5rem; }
.alerts a { color: inherit; }
.two { grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.with-art { display: flex; gap: 1rem; }
.with-art > div { flex: 1; min-width: 0; }
.art { flex: none; width: 3.75rem; height: 5rem; object-fit: cover; border-radius: .4rem; background: var(--page); }
h2 .art { width: 2.25rem; height: 3rem; }
.figure { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
.picture:not(:empty) { margin-top: .4rem; }
.picture svg { display: block; width: 100%; height: 3rem; background: var(--page); border-radius: .35rem; }
.picture .hint { font-size: .8rem; font-variant-numeric: tabular-nums; }
.picture .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.picture .area { fill: var(--accent); opacity: .16; }
.rows { padding-block: .25rem; list-style: none; }
.rows > li { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem .75rem; padding: .7rem 0; border-bottom: 1px solid var(--line); }
.rows > li:last-child { border-bottom: 0; }
.rows strong { overflow-wrap: anywhere; }
.end { margin-left: auto; color: var(--soft); }
ol.rows { margin: 0 0 1rem; }
.history > li { align-items: baseline; }
.history > li > div { flex: 1 1 16rem; min-width: 0; overflow-wrap: anywhere; }
.history .badge { min-width: 6.2rem; text-align: center; }
.history .hint { font-variant-numeric: tabular-nums; }
.when { flex: 0 0 11rem; color: var(--soft); font-variant-numeric: tabular-nums; }
@media (max-width: 34rem) {
  .when { flex: 1 1 auto; }
  .picture .span { display: none; }
  .history .badge { min-width: 0; }
}
.filter { display: flex; flex-wrap: wrap; align-items: end; gap: 0 1rem; margin-bottom: 1rem; }
.filter .field { flex: 1 1 14rem; }
.filter button { margin-bottom: .75rem; }
.pager { margin: 0 0 1rem; gap: 1rem; }
.pager a { border: 1px solid var(--line); background: var(--card); }
.apps { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.75rem, 1fr)); gap: .75rem; }
.apps li { display: flex; flex-direction: column; gap: .25rem; font-size: .875rem; line-height: 1.3; overflow-wrap: anywhere; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; padding: .5rem 1rem; display: inline-block; }
`;

/**
 * Headers of every answer. `same-origin` as referrer policy sends nothing to others, and lets browsers name the
 * origin of our own forms; under `no-referrer` they would send `Origin: null`.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;
