# SPDX-License-Identifier: MIT
# bash completion for ds-vk. Commands and options come from the program's own help.

_ds_vk()
{
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} words

    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$("$program" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')
        COMPREPLY=($(compgen -W "$words --help --version" -- "$word"))
        return
    fi
    case $before in
        -m | --model | --pipeline-cache) COMPREPLY=($(compgen -d -- "$word")) ;;
        --file | --tokens-file | --logits | --all-logits | --router)
            COMPREPLY=($(compgen -f -- "$word")) ;;
        --like) COMPREPLY=($(compgen -W "v2-lite v2 v3 moonlight glm-4.7-flash kimi-k2" -- "$word")) ;;
        --cache | --math | --print | --stage | --format | --weights)
            words=$("$program" "$command" --help 2>/dev/null |
                sed -n "s/^ *$before \([a-z0-9|]*\).*/\1/p" | tr '|' ' ')
            COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
        *)
            words=$("$program" "$command" --help 2>/dev/null |
                grep -oE '^  (-., |    )--[a-z-]+' | grep -oE '\-\-[a-z-]+')
            COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    esac
}

complete -o default -F _ds_vk ds-vk
