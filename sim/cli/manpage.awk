# A verb's --help as its man page: so that what one says the other does. Text in front of the options is the description, text
# behind them the rest. -v verb=NAME, -v more=FILE: sections to put in front of the exit status.
function quoted(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^[.']/ ? "\\&" text : text
}

function end_block()
{
	if (in_block)
		print ".fi"
	in_block = 0
}

# Lines that are set in are examples: as they are.
function write_text(line)
{
	if (line ~ /^  / || line ~ /^Example:/) {
		if (!in_block)
			print ".PP\n.nf"
		in_block = 1
	} else {
		end_block()
	}
	print line == "" ? ".PP" : quoted(line)
}

function write_more(   line)
{
	while (more != "" && (getline line < more) > 0)
		print line
}

BEGIN { part = "usage" }

part == "usage" && /^Usage:/ {
	sub(/^Usage: kmemsim [a-z]+ /, "")
	printf ".TH KMEMSIM\\-%s 1 \"\" \"kmemsim\" \"User Commands\"\n", toupper(verb)
	printf ".SH NAME\nkmemsim\\-%s \\- %s\n", verb, quoted(summary)
	printf ".SH SYNOPSIS\n.B kmemsim %s\n%s\n", verb, quoted($0)
	next
}

part == "usage" && /^ +or: / {
	sub(/^ +or: +kmemsim [a-z]+ /, "")
	printf ".br\n.B kmemsim %s\n%s\n", verb, quoted($0)
	next
}

part == "usage" {
	print ".SH DESCRIPTION"
	part = "text"
}

/^ +(-[^ -], )?--[a-z]/ || /^  -[^ -], --/ {
	if (part == "text") {
		end_block()
		print ".SH OPTIONS"
		part = "options"
	}
	line = $0
	sub(/^ +/, "", line)
	at = match(line, /   */)
	printf ".TP\n.B %s\n", quoted(at ? substr(line, 1, at - 1) : line)
	if (at)
		print quoted(substr(line, at + RLENGTH))
	next
}

part == "options" && /^ +[^ ]/ { sub(/^ +/, ""); print quoted($0); next }

# argp's own sentence says what everybody knows.
part == "options" && /^Mandatory or optional arguments/ { next }

part == "options" && /^[^ ]/ {
	write_more()
	more = ""
	print ".SH NOTES"
	part = "rest"
}

part == "text" || part == "rest" { write_text($0) }

END {
	end_block()
	write_more()
	print ".SH SEE ALSO\n.BR kmemsim (1)"
}
