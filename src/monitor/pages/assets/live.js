// Looks again every few seconds and puts what is new in the place of what was: no reload, nothing kept open.
const everyMs = 3000;
const silence = document.getElementById('silence');
let main = document.querySelector('main');
let answeredAt = new Date();

function openDetails(root) {
  return [...root.querySelectorAll('details[open][id]')].map((details) => details.id);
}

/** Whoever is marking text to copy it is not disturbed. */
function inUse() {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
}

function show(text) {
  const page = new DOMParser().parseFromString(text, 'text/html');
  const fresh = page.querySelector('main');
  if (!fresh || inUse()) return;
  const open = openDetails(main);
  const focused = document.activeElement?.getAttribute?.('href');
  main.replaceWith(fresh);
  main = fresh;
  document.title = page.title;
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

async function look() {
  if (main.dataset.live !== 'live' || document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (answer.status === 401 || answer.status === 429) throw new Error('login');
    show(await answer.text());
    answeredAt = new Date();
    silence.hidden = true;
  } catch {
    silence.textContent = `The monitor has not answered since ${answeredAt.toLocaleTimeString()}: what you see is from then.`;
    silence.hidden = false;
  }
}

async function keepLooking() {
  await look();
  setTimeout(keepLooking, everyMs);
}

setTimeout(keepLooking, everyMs);
document.addEventListener('visibilitychange', look);
