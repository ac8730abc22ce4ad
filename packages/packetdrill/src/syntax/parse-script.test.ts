import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scripts, withoutPlaces } from '../../test/script-arbitrary.ts';
import { PacketdrillError, parseScript, printScript } from '../index.ts';

/** The message that a text is refused with, without the name of the script. */
function refusal(text: string): string {
  try {
    parseScript(text, 's.pkt');
  } catch (error) {
    if (!(error instanceof PacketdrillError)) throw error;
    expect(error).toMatchObject({ name: 'PacketdrillError', code: 'EINVAL', errno: 22, script: 's.pkt' });
    expect(error.message.startsWith(`s.pkt:${error.line}:${error.column}: `)).toBe(true);
    return error.message.slice('s.pkt:'.length);
  }
  return 'accepted';
}

/** The first event of a text. */
function first(text: string): unknown {
  return withoutPlaces(parseScript(text).events[0]);
}

const CLOSE = 'close(3) = 0';

describe('printing and parsing', () => {
  it('gives the same script back', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const text = printScript(script);
        expect(withoutPlaces(parseScript(text))).toEqual(withoutPlaces(script));
        expect(printScript(parseScript(text))).toBe(text);
      }),
      { seed: 20, numRuns: 400 },
    );
  });

  it('writes a script in one form', () => {
    const text = `
      --ip_version=ipv4 --tolerance_usecs=1000
      \`sysctl -w net.ipv4.tcp_sack=0\`   // before everything
      0.000 socket(..., SOCK_STREAM , IPPROTO_TCP) = 3 /* the
      listener */
      +.05...0.100 accept(3, ..., ...) = 4
      +0~+0.5 > (ect0) S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
      1~+0.5 > P. 1:5(4) ack 1 win 7
      * > - 1:1(0) <...>
      +0 < udp 53 > 40000 (100)
      +0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
      +0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, 0) = -1 EAGAIN (try  again)
      +0 write(4, "a" "b\\x00", 3) = 3
      +0 %{   assert tcpi_unacked == 1 }%
      \`true\`
    `;
    expect(printScript(parseScript(text))).toBe(`--ip_version=ipv4
--tolerance_usecs=1000
\`sysctl -w net.ipv4.tcp_sack=0\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0.05...0.1 accept(3, ..., ...) = 4
+0~+0.5 > [ect0] S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
1~1.5 > P. 1:5(4) ack 1 win 7
* > - 1:1(0) <...>
+0 < udp 53 > 40000 (100)
+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, 0) = -1 EAGAIN (try again)
+0 write(4, "ab\\x00", 3) = 3
+0 %{ assert tcpi_unacked == 1 }%
\`true\`
`);
  });
});

describe('what a line says', () => {
  it('reads times to the nanosecond, and an ellipsis right behind one', () => {
    expect(first(`0.000000001 ${CLOSE}`)).toMatchObject({ time: { kind: 'at', ns: 1 } });
    expect(first(`+.25 ${CLOSE}`)).toMatchObject({ time: { kind: 'after', ns: 250_000_000 } });
    expect(first(`0...1 ${CLOSE}`)).toMatchObject({ time: { kind: 'at', ns: 0 }, endNs: 1_000_000_000 });
    expect(first('+1~+1.5 > . 1:1(0) ack 1')).toMatchObject({
      time: { kind: 'between', relative: true, fromNs: 1e9, toNs: 15e8 },
    });
    expect(first('0.1~0.2 > . 1:1(0) ack 1')).toMatchObject({ time: { relative: false, fromNs: 1e8, toNs: 2e8 } });
  });

  it('reads every flag, in any order', () => {
    for (const [letters, flags] of [
      ['S', 2],
      ['S.', 18],
      ['F.', 17],
      ['.', 16],
      ['P.', 24],
      ['FP.', 25],
      ['R', 4],
      ['R.', 20],
      ['SEW', 0xc2],
      ['UP.', 0x38],
      ['-', 0],
    ] as const) {
      expect(first(`0 > ${letters} 1:1(0)`), letters).toMatchObject({ packet: { flags } });
    }
  });

  it('lets sequence numbers wrap', () => {
    expect(first('0 > . 4294967295:9(10)')).toMatchObject({ packet: { sequence: 4294967295, length: 10 } });
  });

  it('reads structs, with counts and without names', () => {
    expect(first('0 poll([{fd=4, events=POLLIN|POLLOUT}], 1, -1) = 1')).toMatchObject({
      arguments: [
        { kind: 'list', items: [{ kind: 'struct', fields: [{ name: 'fd' }, { name: 'events' }] }] },
        {},
        { value: -1 },
      ],
    });
    expect(first('0 readv(4, [{..., 5}, {"x", 1}], 2) = 6')).toMatchObject({
      arguments: [{}, { items: [{ fields: [{ name: null, value: { kind: 'any' } }, {}] }, {}] }, {}],
    });
  });

  it('knows the names of the IP version the script is for', () => {
    expect(first('--ip_version=ipv6\n0 < [flowlabel 0x12345] icmp packet_too_big mtu 1280 [1:1(0)]')).toMatchObject({
      packet: { type: 'packet_too_big', code: null, mtu: 1280, ip: { flowLabel: 0x12345 } },
    });
    expect(refusal('0 < icmp packet_too_big mtu 1280')).toBe("1:10: 'packet_too_big' is no ICMPv4 type");
    expect(first('0 < icmp unreachable')).toMatchObject({ packet: { code: 'net_unreachable' } });
    expect(first('0 < icmp type_3 code_3')).toMatchObject({
      packet: { type: 'unreachable', code: 'port_unreachable' },
    });
  });
});

describe('refusals', () => {
  it('point at the place and say what should stand there', () => {
    const texts = {
      '': '1:1: the script has no event',
      '0': '1:2: expected a packet, a system call, a command or %{ }%, found the end of the script',
      x: "1:1: expected a time, found 'x'",
      [`0.0000000001 ${CLOSE}`]: '1:1: a time has at most nine digits behind the point',
      [`99999999 ${CLOSE}`]: '1:1: the time is out of range: at most 8640000 s',
      '0 close(3 = 0': "1:11: expected ')', found '='",
      '0 close(3) 0': "1:12: expected '=', found '0'",
      '0 close(3)\n  = 0x': "2:5: expected hex digits, found '0x'",
      '0 closet(3) = 0': "1:3: 'closet' is no known system call",
      '0 close(3, 4) = 0': '1:3: close takes 1 arguments',
      '0 fcntl(3) = 0': '1:3: fcntl takes 2 to 3 arguments',
      '0 close(FD) = 0': "1:9: 'FD' is no known constant",
      '0 close(htons("x")) = 0': '1:15: htons takes a number',
      '0 close(inet_addr("1.2.3")) = 0': "1:19: '1.2.3' is no IPv4 address",
      '0 close(3) = "x"': "1:14: a result is a number or '...'",
      '0 close(3) = -1 EWHAT': "1:17: 'EWHAT' is no known errno",
      '0 close(3) = 0 EBADF (x)': '1:14: a call that fails returns -1',
      '0 close(3) = 0 (x': "1:16: ')' is missing",
      '0...1 < . 1:1(0) win 1': "1:7: expected a packet, a system call, a command or %{ }%, found '<'",
      '1...0.5 close(3) = 0': '1:2: the call ends before it starts',
      '0 write(3, "a, 1) = 1': '1:12: the string has no end',
      '0 write(3, "\\q", 1) = 1': '1:13: unknown escape in a string',
      '0 close({a.b=1}) = 0': "1:11: expected '}', found '.'",
      '0 close({1=1}) = 0': '1:10: a name must stand before =',
      '0 close("a"|1) = 0': "1:9: only numbers and names go with '|'",
      '0 > Q 1:1(0)': "1:5: 'Q' are no TCP flags: S, F, R, P, U, E, W and '.', or '-'",
      '0 > SS 1:1(0)': "1:5: 'SS' are no TCP flags: S, F, R, P, U, E, W and '.', or '-'",
      '0 > . 1:3(1)': '1:7: 1 and 1 bytes end at 2, not at 3',
      '0 > . 1:70001(70000)': '1:15: a length is out of range: at most 65535',
      '0 > . 4294967296:1(0)': '1:7: a sequence number is out of range: at most 4294967295',
      '0 < . 1:1(0) ack 1': "1:19: expected 'win': a packet that is injected needs a window",
      '0 < . 1:1(0) win 1 <...>': '1:20: <...> is for packets that are expected',
      '0 < [ect01] . 1:1(0) win 1': '1:6: ect01 is for packets that are expected',
      '0 > [ect0,ce] . 1:1(0)': "1:11: 'ce' contradicts what stands before it",
      '0 > [flowlabel 3] . 1:1(0)': '1:6: an IPv4 header has no flow label',
      '0 > ipv4 1.2.3.4 > 5.6.7.8: . 1:1(0)': '1:5: encapsulation (ipv4) is not supported',
      '0 > S 0:0(0) <mss 1,nop>': '1:14: the options take 5 bytes, which is no multiple of 4: add nop',
      '0 > S 0:0(0) <mss>': "1:18: expected the MSS in bytes, found '>'",
      '0 > S 0:0(0) <ms 1>': "1:15: expected a TCP option, found 'ms'",
      '0 > S 0:0(0) <TS val 1>': "1:23: expected 'ecr', found '>'",
      '0 > S 0:0(0) <sack 1:2 3:4 5:6 7:8 9:10>': '1:14: the options take 42 bytes; a header has room for 40',
      [`* ${CLOSE}`]: "1:1: '*' is for packets that are expected",
      [`0~1 ${CLOSE}`]: '1:1: a time range is for packets that are expected',
      '0 < udp (1)\n1~0 > udp (1)': '2:1: the time range is backwards',
      '+1~2 > udp (1)': "1:4: expected '+', found '2'",
      [`1 ${CLOSE}\n0.5 ${CLOSE}`]: '2:1: time goes backwards',
      [`--what=1\n0 ${CLOSE}`]: '1:1: --what is no known option',
      [`--mtu\n0 ${CLOSE}`]: '1:1: --mtu needs a value',
      [`--mtu=9\n0 ${CLOSE}`]: '1:1: --mtu is a whole number from 68 to 65535',
      [`--ip_version=5\n0 ${CLOSE}`]: '1:1: --ip_version is ipv4, ipv4-mapped-ipv6 or ipv6',
      [`--local_ip=::1\n0 ${CLOSE}`]: "1:1: '::1' is no IPv4 address",
      [`--netmask_ip=255.0.255.0\n0 ${CLOSE}`]: '1:1: --netmask_ip is an IPv4 netmask such as 255.255.0.0',
      [`--non_fatal=all\n0 ${CLOSE}`]: '1:1: --non_fatal is packet, syscall, or both with a comma',
      [`0 ${CLOSE} \`x\`\n+0 ${CLOSE}`]:
        '2:1: a command without a time stands before the first event or behind the last',
      '0 `x': "1:3: '`' is missing",
      '0 %{ assert 1': "1:3: '}%' is missing",
      '0 %{ asser 1 }%': "1:6: expected 'assert', found 'asser'",
      '0 %{ assert (1 }%': "1:16: expected ')', found the end of the code",
      '0 %{ assert 1 + }%': '1:17: expected a value, found the end of the code',
      '0 %{ assert 1\nassert }%': '2:8: expected a value, found the end of the code',
      '0 %{ assert f(1) }%': "1:13: 'f' is no known function: abs, min, max",
      '0 %{ assert abs() }%': '1:13: wrong number of arguments for abs',
      '0 /* close(3) = 0': '1:3: the comment has no end',
    };
    for (const [text, message] of Object.entries(texts)) expect.soft(refusal(text), text).toBe(message);
  });

  it('come before a nesting that would exhaust the stack', () => {
    expect(refusal(`0 close(${'['.repeat(100_000)}`)).toContain('nested deeper than 64 levels');
    expect(refusal(`0 %{ assert ${'('.repeat(100_000)} }%`)).toContain('nested deeper than 64 levels');
    expect(refusal(`0 %{ assert ${'not '.repeat(100_000)}1 }%`)).toContain('nested deeper than 64 levels');
    expect(refusal(`0 %{ assert 1${' + 1'.repeat(100_000)} }%`)).toContain('more than 256 operators in a row');
  });

  it('are all that random text gets', () => {
    const survives = (text: string): void => {
      expect(refusal(text)).not.toBe('');
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(String.fromCharCode(...bytes))),
      { seed: 21, numRuns: 500 },
    );
    const tokens = fc.constantFrom(
      ...[
        '0',
        '+0.1',
        '*',
        '~',
        '...',
        '<',
        '>',
        'S.',
        '1:1(0)',
        'ack',
        'win',
        '1',
        '<mss',
        'sack',
        '[',
        ']',
        '{',
        '}',
        '(',
        ')',
      ],
      ...[
        ',',
        '=',
        '|',
        'close',
        'SOL_SOCKET',
        '-1',
        'EAGAIN',
        '"a"',
        '"',
        '`',
        '%{',
        '}%',
        'assert',
        'not',
        '//',
        '/*',
        '*/',
        '\n',
        '#',
      ],
      ...['--mtu', 'udp', 'icmp', 'unreachable', 'htons', '0x', '.', '-', 'TS val 1 ecr', 'FO', 'a', 'and', '%'],
    );
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 30 }), fc.constantFrom('', ' '), (parts, glue) =>
        survives(parts.join(glue)),
      ),
      { seed: 22, numRuns: 2000 },
    );
  });

  it('are all that a damaged script gets', () => {
    fc.assert(
      fc.property(scripts, fc.nat(), fc.string({ unit: 'binary-ascii', maxLength: 3 }), (script, place, noise) => {
        const text = printScript(script);
        const at = place % text.length;
        expect(refusal(text.slice(0, at) + noise + text.slice(at + 1))).not.toBe('');
      }),
      { seed: 23, numRuns: 1000 },
    );
  });
});
