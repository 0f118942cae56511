# The newest lines of a log that answer a question. The log is a file with its rotated neighbours, or what a program says.
#
# Arguments are name=value, then "--" and a program, which is heard where there is no file:
#   file           full path of the log
#   tail, limit    so many lines, so many bytes at most
#   looked, width  bytes of a line that are looked at, at most, and characters that are kept
#   since, until   seconds since 1970
#   about          text that a line must hold, in small letters; upper and lower case are alike
#   pattern        regular expression of Perl; fixed=1: a text; case=1: upper and lower case differ
#   most           so many lines at most were asked of the program
#   stamps         1: the program puts a time before each line, as podman does, and the pattern is for what follows
#   days           so far back changes of the local clock are told
#   budget         seconds; what is found in files by then is the answer
#
# Answer: lines "name value", an empty line, then the lines found, oldest first and byte for byte.
# Memory does not grow with the log, nor with a line in it: a file is read in blocks from its end, as if each line ended
# where nobody looks any more.
use strict;
use warnings;
use Cwd ();
use Errno ();
use POSIX ();

$| = 1; # leaving by _exit writes nothing that still waits

use constant BLOCK => 1 << 20;
use constant SET_BACK => 3600; # seconds by which times may run backwards in a log: a clock was set, or summer ended
my $STAMP = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) /a; # that of podman
use constant OPENING => 120;   # bytes of the beginning of an entry, with its time
use constant CHUNK => 8192;    # bytes that podman's conmon reads and writes at once
use constant PAUSE => 0.2;     # seconds after which what follows an unfinished line is another one
use constant WORDS => 20;      # lines of a program about itself that are told
my %CODE = (missing => 71, denied => 72, no_file => 73, outside => 74, pattern => 75, silent => 76, broken => 77,
    absent => 78, late => 79, killed => 80);
my %UNPACK = (gz => "gzip", xz => "xz", bz2 => "bzip2", zst => "zstd");
my %MONTH;
@MONTH{qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)} = 0 .. 11;

my (%ask, @program);
while (@ARGV) {
    my $word = shift @ARGV;
    if ($word eq "--") { @program = @ARGV; last; }
    my ($name, $value) = split /=/, $word, 2;
    $ask{$name} = $value;
}
my ($tail, $limit, $since, $until, $looked) = @ask{qw(tail limit since until looked)};
my $wide = 4 * $ask{width} + 7; # bytes that hold more characters than are kept, even where the last one is cut through
my $about = length($ask{about} // "") ? qr/\Q$ask{about}\E/i : qr/^/m;
my $screen = $about; # what every line is picked by; of a program all are, for some are about itself
my $pattern = pattern();
my $now = time;

my ($opening, @opened) = (""); # of the entry that is heard now; for each of @heard of the one that it continues, if any
my (@found, @heard, @words, %cut, %from, $oldest);   # @found: newest first; @heard: oldest first, of what cannot be read backwards
my ($bytes, $searched, $timed, $code) = (0, 0, 0, 0);
my ($late, $size, $decodes);
my ($pid, $voice);             # a program, and its pipe: closing that, as Perl does where it is forgotten, waits for its end
$SIG{ALRM} = sub { $late = 1 };
alarm $ask{budget};

if (defined $ask{file} and (lstat $ask{file} or !$!{ENOENT} or !@program)) { look_into_files($ask{file}); }
else { hear_program(); }
answer();

sub fail {
    my ($kind, $words) = @_;
    print STDERR "$words\n";
    leave($CODE{$kind});
}

# Without waiting for a program that may not end.
sub leave {
    my ($code) = @_;
    kill "TERM", $pid if $pid;
    POSIX::_exit($code);
}

sub pattern {
    my $text = $ask{pattern} // "";
    return undef unless length $text;
    utf8::decode($text);
    $text = quotemeta $text if $ask{fixed};
    no warnings "regexp";
    my $made = eval { $ask{case} ? qr/$text/ : qr/$text/i };
    fail("pattern", $@ =~ s/ at -e line.*//sr) unless defined $made;
    return $made;
}

sub answer {
    leave($code) if $code;
    my @head = map { "cut $_" } sort keys %cut;
    push @head, "searched $searched", "size $size" if defined $size;
    push @head, map { "file $_" } sort { $from{$a} <=> $from{$b} } keys %from;
    push @head, "clock " . time, offsets();
    push @head, map { "opening $_ $opened[$_]" } grep { length $opened[$_] } 0 .. $#opened;
    print map { "$_\n" } @head, "", reverse(@found), @heard;
    leave(0);
}

# Files

sub look_into_files {
    my ($path) = @_;
    my @logs = opened($path);
    $size = 0;
    $size += $_->{size} for @logs;
    for my $log (@logs) {
        my $before = @found;
        my $done = $log->{unpack} ? unpacked($log) : backwards($log);
        $from{$log->{name}} = $log->{written} if @found > $before;
        last unless $done;
    }
}

# The log and what was rotated away from it and can be of use, newest first, all opened before any is read.
sub opened {
    my ($path) = @_;
    lstat $path or fail($!{EACCES} ? "denied" : "missing", "$path: $!");
    my $file = Cwd::abs_path($path);
    my ($folder, $name) = map { m{^(.*)/([^/]+)\z}s } $file // "";
    fail("missing", "no such file") unless defined $name and lstat $file;
    fail("outside", $file) unless $folder eq (Cwd::abs_path($path =~ s{/[^/]*\z}{}r || "/") // "");
    my @logs = log_file($file, $name) or fail("missing", "no such file");
    opendir my $listing, $folder or fail("denied", $folder);
    for my $other (grep { /^\Q$name\E[.-][0-9]+(?:-[0-9]+)?(?:\.(?:gz|xz|bz2|zst))?\z/ } readdir $listing) {
        my ($inode, $written) = (lstat "$folder/$other")[1, 9];
        next if defined $inode and not (-f _ and $inode != $logs[0]{inode} and $written >= ($since // 0));
        my @log = defined $inode ? log_file("$folder/$other", $other) : ();
        $cut{unread} = 1 unless @log; # rotated on at this moment
        push @logs, @log;
    }
    my ($live, @rotated) = @logs;
    return $live, sort { $b->{written} <=> $a->{written} or $a->{name} cmp $b->{name} } @rotated;
}

# An open file; nothing where it has gone meanwhile.
sub log_file {
    my ($file, $name) = @_;
    lstat $file or $!{ENOENT} and return;
    fail("no_file", $file) unless -f _;
    my $opened = open my $handle, "<:raw", $file;
    return if not $opened and $!{ENOENT};
    fail($!{EACCES} ? "denied" : "broken", "$file: $!") unless $opened;
    my ($inode, $size, $written) = (stat $handle)[1, 7, 9];
    my ($packed) = $name =~ /\.([a-z0-9]+)\z/;
    return {handle => $handle, name => $name, inode => $inode, size => $size, written => $written,
        unpack => $UNPACK{$packed // ""}};
}

# From the end of a file; false where nothing older is wanted.
sub backwards {
    my ($log) = @_;
    my $high = $log->{size};
    while ($high > 0) {
        my $low = $high > BLOCK ? $high - BLOCK : 0;
        my $block = piece($log, $low, $high - $low);
        return 0 unless defined $block;
        my $start = $low ? index($block, "\n") + 1 : 0; # what stands before it belongs to a line of the block below
        if ($low and ($start == 0 or $start == length $block)) { # one line is longer than all this
            $low = start_of_line($log, $low);
            $block = defined $low ? piece($log, $low, $looked) : undef;
            return 0 unless defined $block;
            $start = 0;
        }
        $searched += $high - ($low + $start);
        for my $line (reverse lines_of($block, $start)) { return 0 unless put($line); }
        $high = $low + $start;
        my (undef, $last) = defined $since ? stamp(substr $block, $start, 64) : ();
        return 0 if defined $last and $last < $since - SET_BACK;
    }
    return 1;
}

# Bytes of a file; undef, and noted, where time is up or the file has become shorter.
sub piece {
    my ($log, $low, $length) = @_;
    my $block = "";
    sysseek $log->{handle}, $low, 0;
    while (!$late and length $block < $length) {
        my $read = sysread $log->{handle}, $block, $length - length $block, length $block;
        fail("broken", "$log->{name}: $!") unless defined $read or $!{EINTR};
        last unless $read;
    }
    return $block if length $block == $length;
    $cut{$late ? "time" : "unread"} = 1;
    return undef;
}

sub start_of_line {
    my ($log, $low) = @_;
    while ($low > 0) {
        my $back = $low > BLOCK ? $low - BLOCK : 0;
        my $block = piece($log, $back, $low - $back);
        return undef unless defined $block;
        my $end = rindex $block, "\n";
        return $back + $end + 1 if $end >= 0;
        $low = $back;
    }
    return 0;
}

# Keeps one line more, older than all before it; false where there is no room.
sub put {
    my ($line) = @_;
    return 1 unless defined($line = answering($line));
    if (@found == $tail) { $cut{lines} = 1; return 0; }
    if ($bytes + length($line) + 1 > $limit) { $cut{bytes} = 1; return 0; }
    push @found, $line;
    $bytes += length($line) + 1;
    return 1;
}

# Programs, and files that only a program can read

# The open file, whatever its name stands for by now. Where time is up nothing of it counts: its newest lines come last.
# False where nothing older is wanted.
sub unpacked {
    my ($log) = @_;
    my %before = %cut;
    listen_to($log->{handle}, $log->{unpack}, "-cd");
    @opened = ();
    if ($late) { @heard = (); %cut = (%before, time => 1); return 0; }
    push @found, reverse splice @heard;
    if ($code) { $cut{unread} = 1; $code = 0; } # still being packed, or damaged: what could be read counts
    else { $searched += $log->{size}; }
    return !grep { $cut{$_} } qw(lines bytes);
}

sub hear_program {
    $screen = qr/^/m;
    listen_to(undef, @program);
    print STDERR "$_\n" for @words;
    fail($timed ? "late" : "silent", "$program[0] has not come to its end") if $late; # its newest lines come last
    fail("killed", "signal " . ($code - 128)) if $code > 128; # not by us, and of the lines that were heard none is the newest
    my $all = $cut{lines} || $cut{bytes} || $timed < $ask{most} || (defined $since && defined $oldest && $oldest < $since);
    $cut{searched} = 1 unless $all or $code;
}

sub listen_to {
    my ($input, @argv) = @_;
    $pid = open $voice, "-|";
    fail("broken", "no process: $!") unless defined $pid;
    become($input, @argv) unless $pid;
    my ($rest, $block) = ("");
    while (!$late) {
        my $read = sysread $voice, $block, BLOCK;
        next if !defined $read and $!{EINTR};
        last unless $read;
        $block = $rest . $block;
        my $end = rindex($block, "\n") + 1;
        $rest = substr substr($block, $end), 0, $looked; # what comes of this line is beyond that, and never looked at
        hear($_) for map { entries($_) } $end ? lines_of(substr($block, 0, $end), 0) : ();
    }
    return if $late;
    hear($_) for map { entries($_) } length $rest ? lines_of($rest, 0) : ();
    close $voice;
    $pid = undef;
    $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# The entries in one line. podman writes the next one right behind one without a line end, both with a time; the same zone
# and no earlier time tell its own from one that the container has printed. conmon writes what it reads at once, so a line
# may come in several pieces: behind a full chunk, and where there was no pause, the same entry goes on.
sub entries {
    my ($line) = @_;
    return $line unless $ask{stamps} and $line =~ /^$STAMP/ and index($line, substr($line, 29, $+[0] - 29), $+[0]) >= 0;
    my ($entry, @more) = split /(?=$STAMP)/, $line;
    my ($last) = $entry =~ /^($STAMP)/;
    my @entries = ($entry);
    my $body = length($entry) - length $last;
    for my $part (@more) {
        my ($stamp) = $part =~ /^($STAMP)/;
        my $own = $stamp ge $last && substr($stamp, 29) eq substr $last, 29;
        my $text = $own ? substr $part, length $stamp : $part;
        my $paused = $own && seconds_of_day($stamp) - seconds_of_day($last) >= PAUSE;
        if ($paused and $body % CHUNK) { push @entries, $part; $body = 0; }
        else { $entries[-1] .= $text; }
        $body += length $text;
        $last = $stamp if $own;
    }
    return @entries;
}

sub seconds_of_day {
    my ($stamp) = @_;
    return substr($stamp, 11, 2) * 3600 + substr($stamp, 14, 2) * 60 + substr($stamp, 17, 12);
}

# A program is heard on both outputs as one, which alone keeps the two of a container in order; one that unpacks on the
# first, for its complaints are no lines of the log.
sub become {
    my ($input, @argv) = @_;
    open STDIN, "<&", $input if defined $input;
    defined $input ? open STDERR, ">", "/dev/null" : open STDERR, ">&", \*STDOUT;
    exec {$argv[0]} @argv or print "$argv[0]: $!\n";
    POSIX::_exit($CODE{absent});
}

# Keeps a line that is newer than all before it; the oldest makes room for it.
sub hear {
    my ($line) = @_;
    my $continues = "";
    if (!defined $size) {
        my (undef, $last) = stamp($line);
        $timed++ if defined $last;
        $oldest //= $last;
        if (!defined $last and $line !~ /^ /) { # not an entry, nor the next line of one: the program speaks for itself
            push @words, substr $line, 0, 300;
            shift @words if @words > WORDS;
            return;
        }
        if (defined $last) { $opening = substr $line, 0, OPENING; }
        elsif (defined $pattern or length($ask{about} // "")) { $continues = $opening; } # its entry may be left out
    }
    return unless defined($line = answering($line));
    push @heard, $line;
    push @opened, $continues;
    $bytes += length($line) + length($continues) + 1;
    while (@found + @heard > $tail) { $cut{lines} = 1; forget(); }
    while ($bytes > $limit) { $cut{bytes} = 1; forget(); }
}

sub forget { $bytes -= 1 + length(shift @heard) + length shift @opened; }

# Lines

# The lines of a block that may answer, each as far as it is looked at.
sub lines_of {
    my ($block, $start) = @_;
    my @lines;
    pos($block) = $start;
    while ($block =~ /$screen/g) {
        my $begin = $-[0] ? rindex($block, "\n", $-[0] - 1) + 1 : 0;
        my $end = index $block, "\n", $+[0];
        $end = length $block if $end < 0;
        my $width = $end - $begin;
        push @lines, substr $block, $begin, $width < $looked ? $width : $looked;
        last if $end == length $block;
        pos($block) = $end + 1;
    }
    return @lines;
}

# The line as it is kept, where it answers the question; else undef.
sub answering {
    my ($line) = @_;
    return undef if $line !~ $about;
    my ($first, $last) = defined($since // $until) ? stamp($line) : ();
    return undef if defined $first and ($last < ($since // $last) or $first > ($until // $first));
    return undef if defined $pattern and !fits($line);
    return kept($line);
}

# Whether the pattern fits a line as people will read it; noted, where that is not certain.
sub fits {
    my ($line) = @_;
    my $text = text_of($line) // decoded($line);
    my $whole = defined $text && length $line < $looked;
    $text //= $line;
    $text =~ s/\r\z//;
    $text =~ s/^$STAMP// if $ask{stamps};
    $cut{partly} = 1 unless $whole; # also where it fits: a note that comes and goes would tell what is in the line
    return $text =~ $pattern;
}

# In bytes. Where they are no text in UTF-8 nobody here knows how many characters they are.
sub kept {
    my ($line) = @_;
    my $text = text_of($line);
    return substr $line, 0, $wide unless defined $text;
    $text = substr $text, 0, $ask{width} + 1;
    utf8::encode($text);
    return $text;
}

# A line in UTF-8 as text; undef where it is in another encoding.
sub text_of {
    my ($line) = @_;
    return undef if in_utf16($line);
    $line =~ s/[\xC0-\xFF][\x80-\xBF]{0,3}\z// if length $line == $looked;
    return utf8::decode($line) ? $line : undef;
}

# A quarter of it is zeros, and not much more than half; the bot looks at lines in the same way.
sub in_utf16 {
    my ($line) = @_;
    my $zeros = $line =~ tr/\0//;
    return $zeros && length $line <= 4 * $zeros && 8 * $zeros <= 5 * length $line;
}

# A line in another encoding as text; undef where this Perl knows UTF-8 alone, as that of perl-base does.
sub decoded {
    my ($line) = @_;
    $decodes //= eval { require Encode; Encode::find_encoding("cp932") } ? 1 : 0;
    return undef unless $decodes;
    return from_utf16($line) if in_utf16($line);
    for my $whole ($line, length $line == $looked ? substr $line, 0, -1 : ()) {
        my $text = eval { Encode::decode("cp932", $whole, Encode::FB_CROAK() | Encode::LEAVE_SRC()) };
        return $text if defined $text and $text !~ /[\x{F8F0}-\x{F8F3}]/; # single bytes that are none of its characters
    }
    return Encode::decode("UTF-8", $line);
}

# Without the half of a line end that stands before or behind it; what podman puts before it is no UTF-16.
sub from_utf16 {
    my ($line) = @_;
    my $before = $line =~ s/^(\d{4}-\d\d-\d\dT\S{1,32} )//a ? $1 : "";
    my $big = $line =~ s/^\xFE\xFF// || (length($line) % 2 && $line !~ /^\0/ && $line =~ /\0\z/);
    $line =~ s/^\0// if length($line) % 2 and !$big;
    $line =~ s/^\xFF\xFE//;
    return $before . Encode::decode($big ? "UTF-16BE" : "UTF-16LE", substr $line, 0, length($line) & ~1);
}

# When a line was written, in seconds since 1970: the first and the last moment that may be meant; nothing where it does not
# say. A day without a year is the last one that has come; a little of tomorrow is a clock that was wrong.
sub stamp {
    my ($line) = @_;
    if ($line =~ /^(?:<\d{1,3}>1 )?(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))/a) {
        my $away = defined $8 ? ($8 eq "-" ? -1 : 1) * ($9 * 60 + $10) * 60 : 0;
        my $at = days($1, $2, $3) * 86400 + $4 * 3600 + $5 * 60 + $6 - $away + (defined $7 ? "0.$7" : 0);
        return ($at, $at);
    }
    return () unless $line =~ /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) /a and exists $MONTH{$1};
    my $this_year = (localtime $now)[5];
    for my $year ($this_year + 1, $this_year, $this_year - 1) {
        my $at = POSIX::mktime($5, $4, $3, $2, $MONTH{$1}, $year, 0, 0, -1);
        return both($at) if defined $at and $at <= $now + 86400;
    }
    return ();
}

# A local time that came twice, as clocks were set back by an hour or by half of one, is taken for both.
sub both {
    my ($at) = @_;
    my $shown = localtime $at;
    my @alike = grep { localtime($_) eq $shown } map { $at + $_ } -3600, -1800, 0, 1800, 3600;
    return @alike[0, -1];
}

# How far local time was from UTC: at first, and from each change on. Between two looks a week apart a change is searched
# for by halves.
sub offsets {
    my $at = $now - 86400 * $ask{days};
    my $offset = away($at);
    my @told = "offset 0 $offset";
    while ($at < $now) {
        my $next = $at + 7 * 86400 < $now ? $at + 7 * 86400 : $now;
        if (away($next) == $offset) { $at = $next; next; }
        while ($next - $at > 1) {
            my $middle = int(($at + $next) / 2);
            if (away($middle) == $offset) { $at = $middle; } else { $next = $middle; }
        }
        ($at, $offset) = ($next, away($next));
        push @told, "offset $at $offset";
    }
    return @told;
}

# Seconds that local time was ahead of UTC.
sub away {
    my ($at) = @_;
    my ($second, $minute, $hour, $day, $month, $year) = localtime $at;
    return days($year + 1900, $month + 1, $day) * 86400 + $hour * 3600 + $minute * 60 + $second - $at;
}

# Days since 1970-01-01, of the Gregorian calendar.
sub days {
    my ($year, $month, $day) = @_;
    $year-- if $month <= 2;
    my $of_year = int((153 * ($month + ($month > 2 ? -3 : 9)) + 2) / 5) + $day - 1;
    return $year * 365 + int($year / 4) - int($year / 100) + int($year / 400) + $of_year - 719468;
}
