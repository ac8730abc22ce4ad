import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../test/fake-host.ts';
import { parseScript, type Result, runScript } from '../index.ts';

const INFO = { tcpi_state: 1, tcpi_snd_cwnd: 10, tcpi_rtt: 50_000, tcpi_lost: 0 };
const SOCKET = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n';

function run(code: string, text: string = `${SOCKET}+0 %{ ${code} }%`): Result {
  const host = new FakeHost({
    sockets: () => ({ socket: () => 5 }),
    tcpInfo: INFO,
    command: (command) => command === 'true',
  });
  return runScript(parseScript(text, 's.pkt'), host);
}

describe('assertions', () => {
  it('calculate as Python does', () => {
    for (const condition of [
      'tcpi_snd_cwnd == 10',
      'tcpi_state == TCP_ESTABLISHED',
      '1 + 2 * 3 == 7 and (1 + 2) * 3 == 9',
      '7 // 2 == 3 and -7 // 2 == -4',
      '-7 % 3 == 2 and 7 % -3 == -2 and 7 % 3 == 1',
      '7 / 2 == 3.5',
      '1 < 2 < 3 and not 1 < 3 < 2',
      '3 > 2 >= 2 != 5',
      'not 0 and not "" and "a"',
      '5 & 3 == 3 & 5',
      '5 | 2 == 7',
      'abs(-3) == 3 and min(4, 2, 3) == 2 and max(4, 2) == 4',
      '0x10 == 16 and 1.5 < 2',
      '"a" == \'a\' and "a" != "b"',
      'True == 1 and False == 0',
      '1 or tcpi_unknown',
      'not (0 and tcpi_unknown)',
      '- - 2 == 2',
    ]) {
      expect
        .soft(
          run(`assert ${condition}`).failures.map((failure) => failure.text),
          condition,
        )
        .toEqual([]);
    }
  });

  it('that do not hold tell what was', () => {
    expect(run('assert tcpi_snd_cwnd == 11').failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:2: the assertion does not hold
        script:   +0 %{ assert tcpi_snd_cwnd == 11 }%
        expected: tcpi_snd_cwnd == 11
        actual:   tcpi_snd_cwnd = 10"
    `);
    expect(run('assert tcpi_lost, "lost " # nothing').failures[0]?.message).toBe('the assertion does not hold: lost ');
    expect(run('assert tcpi_lost, tcpi_rtt // 1000').failures[0]?.message).toBe('the assertion does not hold: 50');
    expect(run('assert tcpi_state == 1;\n assert 2 == tcpi_state\n assert 0').failures).toMatchObject([
      { line: 3, kind: 'code' },
    ]);
  });

  it('that make no sense fail, and say why', () => {
    const message = (code: string): string | undefined => run(code).failures[0]?.message;
    expect(message('assert tcpi_unknown')).toBe('the assertion does not hold (tcp_info has no tcpi_unknown)');
    expect(message('assert constructor')).toBe('the assertion does not hold (tcp_info has no constructor)');
    expect(message('assert 1 / 0')).toBe('the assertion does not hold (division by zero)');
    expect(message('assert "a" < 1')).toBe('the assertion does not hold (< takes numbers)');
    expect(message('assert -"a"')).toBe('the assertion does not hold (- takes a number)');
    expect(run('', '0 %{ assert tcpi_state }%').failures[0]?.message).toBe(
      'the assertion does not hold (there is no socket whose tcpi_state could be asked for)',
    );
  });
});

describe('commands', () => {
  it('are the host’s: before, within and behind the script', () => {
    expect(run('', `\`true\`\n${SOCKET}+0 \`true\`\n\`true\``).ok).toBe(true);
    expect(run('', `\`false\`\n${SOCKET}`).failures).toMatchObject([
      { kind: 'command', line: 1, message: 'the command failed: false' },
    ]);
    expect(run('', `${SOCKET}+0 \`false\``).failures).toMatchObject([{ line: 2 }]);
    expect(run('', `${SOCKET}+0 > . 1:1(0)\n\`false\``).failures).toMatchObject([{ line: 2 }, { line: 3 }]);
  });

  it('of a host that runs none fail', () => {
    const result = runScript(
      parseScript(`\`true\`\n${SOCKET}`),
      new FakeHost({ sockets: () => ({ socket: () => 5 }) }),
    );
    expect(result.failures[0]?.message).toBe('the host runs no commands');
  });
});

describe('the host', () => {
  it('is told of the network that the script wants', () => {
    const host = new FakeHost();
    runScript(
      parseScript(
        '--local_ip=10.0.0.1 --netmask_ip=255.255.255.0 --gateway_ip=10.0.0.254 --remote_ip=9.9.9.9/24 --mtu=900 --mss=800 0 < udp (1)',
      ),
      host,
    );
    expect(host.network).toMatchObject({
      version: 4,
      localAddress: '10.0.0.1',
      prefixLength: 24,
      gatewayAddress: '10.0.0.254',
      remoteAddress: '9.9.9.9',
      mtu: 900,
      mss: 800,
    });
  });

  it('whose clock stands still is reported as what it is: no failure of the script', () => {
    const host = new FakeHost();
    host.runUntil = () => {};
    expect(() => runScript(parseScript('1 < udp (1)'), host)).toThrow(/clock stands still/);
  });
});
