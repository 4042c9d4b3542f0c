// Makes sure that this machine has a browser, for the tests that look at pages.
import { ensureProgram } from './provide-program.mjs';

const remedy = `Install it with the line for your system, or name one with CHROMIUM:
  Debian           sudo apt-get install -y chromium
  Fedora           sudo dnf install -y chromium
  macOS            brew install --cask chromium`;

/** @returns {string} the program's path */
export function ensureChromium() {
  return (
    process.env.CHROMIUM ||
    ensureProgram({
      names: ['chromium', 'chromium-browser', 'google-chrome'],
      debian: 'chromium',
      note: '(some 100 MB; the tests of pages alone need it)',
      remedy,
    })
  );
}
