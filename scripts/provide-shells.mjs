// Makes sure that this machine has the shells whose completion is tested.
import { ensureProgram } from './provide-program.mjs';

export function ensureShells() {
  for (const shell of ['bash', 'zsh', 'fish']) {
    ensureProgram({
      names: [shell],
      debian: shell,
      note: '(the test of its completion alone needs it)',
      remedy: `Install ${shell} with your system's packages.`,
    });
  }
}
