# bash completion for kmemsim: verbs, then the options that the verb's own --help lists, then files.
_kmemsim()
{
	local word=${COMP_WORDS[COMP_CWORD]} verbs options
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		verbs=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$verbs help --help --version" -- "$word")
	elif [ "${COMP_WORDS[1]}" = help ] && [ "$COMP_CWORD" = 2 ]; then
		verbs=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
	elif [[ $word == -* ]]; then
		options=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z-]*' | sort -u)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	fi
}
complete -o default -F _kmemsim kmemsim
