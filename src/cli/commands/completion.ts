import { Argument, type Command } from 'commander';
import { ExitCode } from '../../shared/errors.js';
import type { CommandSetup } from '../setup.js';

type Shell = 'bash' | 'zsh' | 'fish';

/**
 * What a shell runs at each Tab. Each asks `rivya-batch __complete WORD...` and gets a line for each candidate, with what it is
 * behind a tab; `:files` leaves it to the shell.
 */
const scripts: Readonly<Record<Shell, string>> = {
  // Bash also ends words at ":", "=" and "@", and takes a candidate from there on: $2 is what is replaced.
  bash: `_rivya_batch() {
  local line=\${COMP_LINE:0:COMP_POINT} current prefix value text
  local -a typed
  read -ra typed <<< "$line"
  [[ $line == *[[:space:]] ]] && typed+=("")
  current=\${typed[\${#typed[@]}-1]}
  prefix=\${current%"$2"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value text; do
    [[ $value == :files ]] && return
    value=$(printf %q "$value")
    COMPREPLY+=("\${value#"$prefix"}")
  done < <("\${typed[0]}" __complete "\${typed[@]:1}" 2>/dev/null)
}
complete -o default -F _rivya_batch rivya-batch
`,
  zsh: `#compdef rivya-batch
_rivya_batch() {
  local line value text
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :files ]] && { compset -P '--*='; _files; return }
    [[ -z $line ]] && continue
    value=\${line%%$'\\t'*}
    text=\${line#*$'\\t'}
    found+=("\${value//:/\\\\:}\${text:+:$text}")
  done
  _describe rivya-batch found
}
compdef _rivya_batch rivya-batch
`,
  fish: `function __rivya_batch_complete
  set -l typed (commandline -opc)
  set -l current (commandline -ct)
  for line in ($typed[1] __complete $typed[2..-1] "$current" 2>/dev/null)
    if test "$line" = :files
      set -l option (string match -r -- '^--[^=]+=' "$current")
      for path in (__fish_complete_path (string replace -- "$option" '' "$current"))
        echo "$option$path"
      end
    else
      echo $line
    end
  end
end
complete -c rivya-batch -f -a '(__rivya_batch_complete)'
`,
};

export function addCompletionCommand(program: Command, setup: CommandSetup): void {
  const shell = new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(scripts));
  program
    .command('completion')
    .addArgument(shell)
    .action((name: Shell) =>
      setup.run(async () => {
        await setup.terminal.pipe(scripts[name]);
        return ExitCode.succeeded;
      }),
    );
}
