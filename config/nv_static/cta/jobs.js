// On the page of a job that is under way: waits until its phase changes, then shows the page anew.
const state = document.querySelector("[data-job]");
const pause = (seconds) => new Promise(done => setTimeout(done, 1000 * seconds));

async function phaseNow() {
  const url = state.dataset.job + "?WAIT=30&PHASE=" + encodeURIComponent(state.dataset.phase);
  const answer = await fetch(url, {headers: {Accept: "application/xml"}, cache: "no-store"});
  if (answer.status === 404) { return "gone"; }
  if (!answer.ok) { throw new Error(answer.statusText); }
  const told = new DOMParser().parseFromString(await answer.text(), "application/xml");
  const phase = told.getElementsByTagNameNS("*", "phase")[0];
  return phase ? phase.textContent : state.dataset.phase;
}

async function watch() {
  for (;;) {
    try {
      if (await phaseNow() !== state.dataset.phase) { await pause(0.2); location.reload(); return; }
      await pause(0.5);
    } catch {
      await pause(5);
    }
  }
}

if (state) { watch(); }
