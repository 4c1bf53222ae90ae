/** What each shell is told once, and how its words become ours. All that is known of command lines stays in poolctl: `poolctl complete` is asked. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * bash takes words apart at `=` and `:`, also within one: joined again here, as blanks between are rare. Other shells leave them whole.
 */
export function wordsFrom(shell: string, words: readonly string[]): readonly string[] {
  if (shell !== 'bash') return words;
  const whole: string[] = [];
  let joint = false;
  for (const word of words) {
    const before = whole.at(-1) ?? '';
    const isJoint = (word === '=' && before.startsWith('--')) || (word === ':' && before !== '');
    if (isJoint || joint) whole.push(`${whole.pop() ?? ''}${word}`);
    else whole.push(word);
    joint = isJoint;
  }
  return whole;
}

/** What bash replaces is only what stands behind the last `=` or `:`. */
export function replaced(shell: string, candidate: string, typed: string): string {
  const kept = shell === 'bash' ? Math.max(typed.lastIndexOf('='), typed.lastIndexOf(':')) + 1 : 0;
  return candidate.slice(kept);
}

/** A candidate is a line, its description behind a tab; a line that begins with a colon says what the shell itself is to complete. */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of poolctl. In ~/.bashrc: source <(poolctl completion bash)
_poolctl() {
  local line word=\${COMP_WORDS[COMP_CWORD]}
  [[ $word == [=:] ]] && word=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word") ;;
      :directories) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$word") ;;
      :programs) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$word") ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(command poolctl complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _poolctl poolctl
`,
  zsh: `#compdef poolctl
# zsh completion of poolctl. In ~/.zshrc, after compinit: source <(poolctl completion zsh); or as the file _poolctl in a directory of $fpath.
_poolctl() {
  local line
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      :directories) _files -/ ;;
      :programs) _command_names -e ;;
      *$'\\t'*) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
      *) candidates+=("\${line//:/\\\\:}") ;;
    esac
  done < <(command poolctl complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#candidates )) && _describe poolctl candidates
}
if [[ \${funcstack[1]} == _poolctl ]]; then
  _poolctl "$@"
else
  compdef _poolctl poolctl
fi
`,
  fish: `# fish completion of poolctl. In ~/.config/fish/config.fish: poolctl completion fish | source
function __poolctl_complete
  set -l words (commandline --tokenize --cut-at-cursor --current-process)
  set -l typed (commandline --current-token --cut-at-cursor)
  for line in (command poolctl complete fish -- $words[2..-1] "$typed" 2>/dev/null)
    switch $line
      case ':files'
        __fish_complete_path "$typed"
      case ':directories'
        __fish_complete_directories "$typed"
      case ':programs'
        complete --do-complete "$typed"
      case '*'
        echo $line
    end
  end
end
complete --command poolctl --no-files --arguments '(__poolctl_complete)'
`,
};
