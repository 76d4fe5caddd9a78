# Made from the parser that makes --help too: python -m proxier.packaging writes it anew.

_proxier() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command="" words="" value="" index device
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$command ${COMP_WORDS[index]}" in
            " run") command="run" ;;
            " demo") command="demo" ;;
            " simulate") command="simulate" ;;
            " discover") command="discover" ;;
            " devices") command="devices" ;;
            "devices show") command="devices show" ;;
            "devices forget") command="devices forget" ;;
            " trace") command="trace" ;;
            " db") command="db" ;;
            "db backup") command="db backup" ;;
            " config") command="config" ;;
            "config check") command="config check" ;;
        esac
    done
    case "$command" in
        "") words="run demo simulate discover devices trace db config --help --version --config" ;;
        "run") words="--help --config" ;;
        "demo") words="--help --config --devices" ;;
        "simulate") words="--help --config --port --serial --host" ;;
        "discover") words="--help --config --timeout --interface --json" ;;
        "devices") words="show forget --help --config --json" ;;
        "devices show") words="--help --config --tree --json" value=DEVICE ;;
        "devices forget") words="--help --config" value=DEVICE ;;
        "trace") words="--help --config --json" value=DEVICE ;;
        "db") words="backup --help --config" ;;
        "db backup") words="--help --config" value=FILE ;;
        "config") words="check --help --config" ;;
        "config check") words="--help --config" ;;
    esac
    case "$previous" in
        --config) words="" value=FILE ;;
        --devices) words="" value=N ;;
        --port) words="" value=N ;;
        --serial) words="" value=S ;;
        --host) words="" value=A ;;
        --timeout) words="" value=S ;;
        --interface) words="" value=A ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case "$value" in
        FILE)
            compopt -o filenames
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
            ;;
        DEVICE)
            while IFS= read -r device; do
                [[ $device == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$device")")
            done < <(proxier devices 2>/dev/null | awk -F '  +' 'NR > 1 { print $1 }')
            ;;
    esac
}

complete -F _proxier proxier
