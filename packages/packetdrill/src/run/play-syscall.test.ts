import {
  AF_INET,
  AF_INET6,
  CMSG_HEADER_BYTES,
  DMABUF_CMSG_BYTES,
  DMABUF_CMSG_SPACE,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNREFUSED,
  EINPROGRESS,
  EINVAL,
  MSG_DONTWAIT,
  POLL,
  SCM_DEVMEM_DMABUF,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CM_INQ,
  writeCmsgHeader,
  writeDmabufCmsg,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { type Behaviour, FakeHost } from '../../test/fake-host.ts';
import { type HostSockets, parseScript, type Result, runScript } from '../index.ts';

function run(
  text: string,
  sockets: (host: FakeHost) => HostSockets,
  more: Behaviour = {},
): Result & { host: FakeHost } {
  const host = new FakeHost({ ...more, sockets });
  return { ...runScript(parseScript(text, 's.pkt'), host), host };
}

const messages = (result: Result): string[] => result.failures.map((failure) => failure.message);
const SOCKET = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n';
const opening: HostSockets = { socket: () => 77 };

describe('results', () => {
  it('are compared, and shown with a caret', () => {
    const listen = (result: number): Result =>
      run(`${SOCKET}+0 listen(3, 5) = 0`, () => ({ ...opening, listen: () => result }));
    expect(listen(0).ok).toBe(true);
    expect(listen(-EINVAL).failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:2: listen returned something else
        script:   +0 listen(3, 5) = 0
        expected: listen(3, 5) = 0
        actual:   listen(3, 5) = -1 EINVAL (Invalid argument)
                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
    const failing = (result: number): Result =>
      run(`${SOCKET}+0 listen(3, 5) = -1 EBADF (Bad file descriptor)`, () => ({ ...opening, listen: () => result }));
    expect(failing(-EBADF).ok).toBe(true);
    expect(failing(-EINVAL).ok).toBe(false);
    expect(failing(1).failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:2: listen returned something else
        script:   +0 listen(3, 5) = -1 EBADF (Bad file descriptor)
        expected: listen(3, 5) = -1 EBADF (Bad file descriptor)
        actual:   listen(3, 5) = 1
                                 ^"
    `);
    expect(run(`${SOCKET}+0 listen(3, 5) = ...`, () => ({ ...opening, listen: () => -EINVAL })).ok).toBe(true);
  });

  it('number descriptors as the script does, whatever the host calls them', () => {
    const seen: number[] = [];
    const { ok } = run(
      `${SOCKET}+0 accept(3, ..., ...) = 4\n+0 close(4) = 0\n+0 close(3) = 0\n+0 close(9) = -1 EBADF (x)`,
      () => ({
        ...opening,
        accept: (fd) => fd + 100,
        close: (fd) => {
          seen.push(fd);
          return fd > 1000 ? -EBADF : 0;
        },
      }),
    );
    expect(ok).toBe(true);
    expect(seen).toEqual([177, 77, 1_000_009]);
  });

  it('of calls that the host does not have, or that make no sense, are failures', () => {
    expect(messages(run(SOCKET, () => ({})))).toEqual(['the host has no socket']);
    const all: HostSockets = {
      ...opening,
      setsockopt: () => 0,
      recvmsg: () => 0,
      sendmsg: () => 0,
      poll: () => 0,
      bind: () => 0,
    };
    const message = (call: string): string | undefined => messages(run(`${SOCKET}+0 ${call}`, () => all))[0];
    expect(message('bind(3, 7, 16) = 0')).toBe('argument 2 of bind must be an address');
    expect(message('setsockopt(3, SOL_SOCKET, SO_LINGER, 7, 4) = 0')).toBe(
      'argument 4 of setsockopt must be a value such as [1], {onoff=1, linger=0} or "reno"',
    );
    expect(message('read(3, ..., -1) = 0')).toContain('argument 3 of read must be a length');
    expect(message('readv(3, [7], 1) = 0')).toBe('argument 2 of readv must be a list such as [{..., 100}]');
    expect(message('recvmsg(3, {msg_flags=0}, 0) = 0')).toContain('argument 2 of recvmsg must be a msghdr');
    expect(message('poll([{events=1}], 1, 0) = 0')).toContain('argument 1 of poll must be a list');
    expect(message('read("x", ..., 1) = 0')).toBe('argument 1 of read must be a descriptor');
  });

  it('do not end the script when that is asked for', () => {
    const result = run(
      `--non_fatal=syscall ${SOCKET}+0 listen(3, 1) = 1\n+0 listen(3, 2) = 2\n+0 listen(3, 0) = 0`,
      () => ({
        ...opening,
        listen: () => 0,
      }),
    );
    expect(result.failures.map((failure) => failure.line)).toEqual([2, 3]);
    expect(
      run(`${SOCKET}+0 listen(3, 1) = 1\n+0 listen(3, 2) = 2`, () => ({ ...opening, listen: () => 0 })).failures,
    ).toHaveLength(1);
  });
});

describe('arguments', () => {
  it('stand for the script’s addresses where they are left open', () => {
    const seen: unknown[] = [];
    const sockets = (): HostSockets => ({
      socket: (family, type) => {
        seen.push(family, type);
        return 5;
      },
      bind: (_, address) => {
        seen.push(address);
        return 0;
      },
      connect: (_, address) => {
        seen.push(address);
        return 0;
      },
    });
    const script = `${SOCKET}+0 bind(3, ..., ...) = 0\n+0 connect(3, ..., ...) = 0`;
    run(script, sockets);
    expect(seen.splice(0)).toEqual([
      AF_INET,
      SOCK_STREAM,
      { family: AF_INET, address: '192.168.0.1', port: 8080 },
      { family: AF_INET, address: '192.0.2.1', port: 8080 },
    ]);
    run(`--ip_version=ipv4-mapped-ipv6 --bind_port=1 --connect_port=2 ${script}`, sockets);
    expect(seen.splice(0)).toEqual([
      AF_INET6,
      SOCK_STREAM,
      { family: AF_INET6, address: '::ffff:192.168.0.1', port: 1 },
      { family: AF_INET6, address: '::ffff:192.0.2.1', port: 2 },
    ]);
    run(
      `${SOCKET}+0 bind(3, {sa_family = AF_INET, sin_port = htons(53), sin_addr = inet_addr("10.0.0.1")}, ...) = 0
       +0 bind(3, {sa_family = AF_INET6, sin6_port = htons(54), sin6_addr = inet6_addr("2001:db8::7")}, ...) = 0
       +0 bind(3, {sa_family = AF_INET, sin_port = htons(0), sin_addr = INADDR_ANY}, ...) = 0`,
      sockets,
    );
    expect(seen.slice(2)).toEqual([
      { family: AF_INET, address: '10.0.0.1', port: 53 },
      { family: AF_INET6, address: '2001:db8::7', port: 54 },
      { family: AF_INET, address: '0.0.0.0', port: 0 },
    ]);
  });

  it('of options are written as C does, and read back', () => {
    const values: unknown[] = [];
    const sockets = (): HostSockets => ({
      ...opening,
      setsockopt: (fd, level, name, value, length) => {
        values.push([fd, level, name, value === null ? null : [...value], length]);
        return 0;
      },
      getsockopt: (_fd, _level, _name, value) => {
        value.set([0xb4, 5, 0, 0]);
        return 4;
      },
    });
    const result = run(
      `${SOCKET}+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=258}, 8) = 0
       +0 setsockopt(3, SOL_TCP, 13, "reno", 4) = 0
       +0 setsockopt(3, SOL_SOCKET, 80, [{token_start=2, token_count=3}, {token_start=9, token_count=1}], 16) = 0
       +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, NULL, 4) = 0
       +0 getsockopt(3, SOL_TCP, TCP_MAXSEG, [1460], [4]) = 0
       +0 getsockopt(3, SOL_TCP, TCP_MAXSEG, ..., [4]) = 0
       +0 getsockopt(3, SOL_TCP, TCP_MAXSEG, [1461], [4]) = 0`,
      sockets,
    );
    expect(messages(result)).toEqual(['getsockopt: the option is [1460]']);
    expect(values).toEqual([
      [77, 1, 13, [1, 0, 0, 0, 2, 1, 0, 0], 8],
      [77, 6, 13, [114, 101, 110, 111], 4],
      [77, 1, 80, [2, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0], 16],
      [77, 1, 2, null, 4],
    ]);
  });

  it('of fcntl and ioctl are the runner’s and the host’s', () => {
    const result = run(
      `${SOCKET}+0 fcntl(3, F_GETFL) = 2\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 fcntl(3, F_GETFL) = 0x802
       +0 fcntl(3, 99) = -1 EINVAL (x)\n+0 fcntl(8, F_GETFL) = -1 EBADF (x)
       +0 ioctl(3, SIOCINQ, [5]) = 0\n+0 ioctl(3, SIOCINQ, ...) = 0\n+0 ioctl(3, SIOCINQ, [6]) = 0`,
      () => ({
        ...opening,
        ioctl: (_fd, request, value) => {
          value[0] = request === 0x541b ? 5 : 0;
          return 0;
        },
      }),
    );
    expect(messages(result)).toEqual(['ioctl: the value is [5]']);
  });
});

describe('calls that wait', () => {
  const readyAt =
    (seconds: number, result: number): ((host: FakeHost) => HostSockets) =>
    (host) => {
      let ready = false;
      host.at(seconds, () => {
        ready = true;
      });
      return { ...opening, accept: () => (ready ? result : -EAGAIN) };
    };
  const ACCEPT = `${SOCKET}0.1...0.5 accept(3, ..., ...) = 4`;

  it('return when the host has an answer, in time', () => {
    expect(run(ACCEPT, readyAt(0.5, 9)).failures).toEqual([]);
    expect(run(`${SOCKET}+.1...0.5 accept(3, ..., ...) = 4\n+0 < . 1:1(0) win 1`, readyAt(0.5, 9)).failures).toEqual(
      [],
    );
    expect(messages(run(ACCEPT, readyAt(0.3, 9)))).toEqual(['accept returned at 0.300000, not at 0.5']);
    expect(messages(run(ACCEPT, readyAt(0.6, 9)))).toEqual([
      'accept still waits at 0.504000; it should have returned at 0.5',
    ]);
    expect(run(ACCEPT, readyAt(0.5, -EINVAL)).failures[0]?.message).toBe('accept returned something else');
    expect(messages(run(ACCEPT, readyAt(0, 9)))).toEqual(['accept returned at 0.100000, not at 0.5']);
  });

  it('do not stop what else happens', () => {
    const { failures, endNs } = run(`${ACCEPT}\n0.2 > . 1:1(0) ack 5 <...>\n0.7 close(4) = 0`, (host) => {
      host.at(0.2, () =>
        host.send({ tcp: { sourcePort: 8080, destinationPort: 40_000, sequence: 1, acknowledgment: 0x7ff80005 } }),
      );
      return { ...readyAt(0.5, 9)(host), close: (fd) => (fd === 9 ? 0 : -EBADF) };
    });
    expect(failures).toEqual([]);
    expect(endNs).toBe(700_000_000);
  });

  it('are one at a time, and need an end', () => {
    expect(messages(run(`${ACCEPT}\n0.2 listen(3, 1) = 0`, readyAt(0.5, 9)))).toEqual([
      'a call before still waits, and a script has one thread',
    ]);
    expect(messages(run(`${SOCKET}+0 accept(3, ..., ...) = 4`, readyAt(0.5, 9)))).toEqual([
      'accept would wait: give it an end time, 0...0.1, or make the descriptor non-blocking',
    ]);
  });

  it('end the wait for a packet when they fail', () => {
    const { failures } = run(`${SOCKET}+0...0.1 accept(3, ..., ...) = 4\n+1 > . 1:1(0)`, readyAt(5, 9));
    expect(failures.map((failure) => failure.line)).toEqual([2]);
  });

  it('do not wait on descriptors that must not', () => {
    const again = '= -1 EAGAIN (Resource temporarily unavailable)';
    const sockets = (): HostSockets => ({
      socket: (_family, type) => ((type & SOCK_NONBLOCK) === 0 ? 5 : 6),
      accept: () => -EAGAIN,
      recvmsg: (_fd, _message, flags) => ((flags & MSG_DONTWAIT) === 0 ? -EINVAL : -EAGAIN),
    });
    expect(
      run(`0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, 0) = 3\n+0 accept(3, ..., ...) ${again}`, sockets).failures,
    ).toEqual([]);
    expect(run(`${SOCKET}+0 recv(3, ..., 1, MSG_DONTWAIT) ${again}`, sockets).failures).toEqual([]);
    expect(
      run(`${SOCKET}+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n+0 accept(3, ..., ...) ${again}`, sockets).failures,
    ).toEqual([]);
  });

  it('are connect, whose errnos tell that it is under way', () => {
    const connecting =
      (last: number): ((host: FakeHost) => HostSockets) =>
      (host) => {
        let answer = -EINPROGRESS;
        host.at(0.1, () => {
          answer = last;
        });
        return {
          ...opening,
          connect: () => {
            const result = answer;
            if (answer === -EINPROGRESS) answer = -EALREADY;
            return result;
          },
        };
      };
    const script = `${SOCKET}+0...0.1 connect(3, ..., ...)`;
    expect(run(`${script} = 0`, connecting(0)).failures).toEqual([]);
    expect(run(`${script} = -1 ECONNREFUSED (x)`, connecting(-ECONNREFUSED)).failures).toEqual([]);
    expect(messages(run(`${SOCKET}+0 connect(3, ..., ...) = 0`, connecting(0)))[0]).toContain('connect would wait');
  });

  it('are poll, until something is ready or its time is over', () => {
    const polling =
      (seconds: number): ((host: FakeHost) => HostSockets) =>
      (host) => {
        let mask = 0;
        host.at(seconds, () => {
          mask = POLL.IN | POLL.HUP | POLL.OUT;
        });
        return { ...opening, poll: () => mask };
      };
    const poll = (events: string, end: string, timeout: number, result: number): string =>
      `${SOCKET}+0...${end} poll([{fd=3, events=POLLIN, ${events}}], 1, ${timeout}) = ${result}`;
    expect(run(poll('revents=POLLIN|POLLHUP', '0.2', -1, 1), polling(0.2)).failures).toEqual([]);
    expect(run(poll('revents=0', '0.1', 100, 0), polling(0.2)).failures).toEqual([]);
    expect(messages(run(poll('revents=POLLIN', '0.2', -1, 1), polling(0.2)))).toEqual([
      'poll: revents of fd 3 are 0x11, not 0x1',
    ]);
    expect(messages(run(poll('revents=0', '0.1', 300, 0), polling(0.2)))[0]).toContain('poll still waits');
  });
});

describe('data', () => {
  /** A socket that hands out the pattern from `position` on, and takes at most `room` bytes at a time. */
  function stream(position: number, room: number = 1e9): HostSockets & { written: Uint8Array[] } {
    let at = position;
    const written: Uint8Array[] = [];
    return {
      ...opening,
      written,
      recvmsg: (_fd, message) => {
        let total = 0;
        for (const part of message.iov) {
          for (let i = 0; i < part.length; i++) part[i] = at++ % 251;
          total += part.length;
        }
        return total;
      },
      sendmsg: (_fd, message) => {
        const bytes = Uint8Array.from(message.iov.flatMap((part) => [...part])).slice(0, room);
        if (bytes.length > 0) written.push(bytes);
        return bytes.length;
      },
    };
  }

  it('that is read must follow what was read before', () => {
    const script = `${SOCKET}+0 read(3, ..., 100) = 100\n+0 readv(3, [{..., 200}, {..., 100}], 2) = 300\n+0 recv(3, ..., 5, 0) = 5`;
    expect(run(script, () => stream(1)).failures).toEqual([]);
    const skipping = (): HostSockets => {
      const inner = stream(1);
      let calls = 0;
      return {
        ...inner,
        recvmsg: (fd, message, flags) => {
          if (++calls === 2) inner.recvmsg?.(fd, { ...message, iov: [new Uint8Array(1)] }, flags);
          return inner.recvmsg?.(fd, message, flags) ?? 0;
        },
      };
    };
    expect(messages(run(script, skipping))).toEqual(['readv: byte 0 is 102, not 101, which follows in the stream']);
  });

  it('that is read may be said', () => {
    const script = (text: string, length: number): string => `${SOCKET}+0 read(3, ${text}, ${length}) = ${length}`;
    expect(run(script('"\\x01\\x02"', 2), () => stream(1)).failures).toEqual([]);
    expect(run(script('"\\x01\\x02"...', 5), () => stream(1)).failures).toEqual([]);
    expect(messages(run(script('"\\x01\\x02"', 3), () => stream(1)))).toEqual([
      'read: the bytes are "\\u0001\\u0002\\u0003"',
    ]);
    expect(messages(run(script('"\\x01\\x03"', 2), () => stream(1)))).toEqual(['read: the bytes are "\\u0001\\u0002"']);
  });

  it('that is written is the pattern, on from what was taken', () => {
    const sockets = stream(0, 60);
    const result = run(
      `${SOCKET}+0 send(3, ..., 100, MSG_DONTWAIT) = 60\n+0...0.0 write(3, ..., 100) = 100`,
      () => sockets,
    );
    expect(result.failures).toEqual([]);
    const bytes = sockets.written.flatMap((part) => [...part]);
    expect(sockets.written.map((part) => part.length)).toEqual([60, 60, 40]);
    expect(bytes).toEqual(Array.from({ length: 160 }, (_, i) => (i + 1) % 251));
  });

  it('that finds no room makes write wait', () => {
    const sockets = (host: FakeHost): HostSockets => {
      let room = 30;
      host.at(0.2, () => {
        room = 100;
      });
      return {
        ...opening,
        sendmsg: (_fd, message) => {
          const length = message.iov.reduce((total, part) => total + part.length, 0);
          const taken = Math.min(room, length);
          room -= taken;
          return taken === 0 ? -EAGAIN : taken;
        },
      };
    };
    expect(run(`${SOCKET}+0...0.2 write(3, ..., 50) = 50`, sockets).failures).toEqual([]);
    expect(messages(run(`${SOCKET}+0 write(3, ..., 50) = 50`, sockets))[0]).toContain('write would wait');
  });

  it('comes with control messages', () => {
    const control = (write: (view: DataView) => number): ((host: FakeHost) => HostSockets) => {
      return () => ({
        ...opening,
        recvmsg: (_fd, message) => {
          const bytes = message.control as Uint8Array;
          message.controlLength = write(new DataView(bytes.buffer));
          message.flags = 0x20;
          return 7;
        },
      });
    };
    const devmem = control((view) => {
      writeCmsgHeader(view, 0, SOL_SOCKET, SCM_DEVMEM_DMABUF, DMABUF_CMSG_BYTES);
      writeDmabufCmsg(view, CMSG_HEADER_BYTES, 4096, 7, 3, 1);
      return DMABUF_CMSG_SPACE;
    });
    const inq = control((view) => {
      writeCmsgHeader(view, 0, 6, TCP_CM_INQ, 4);
      view.setInt32(CMSG_HEADER_BYTES, 99, true);
      return 24;
    });
    const script = (flags: string, messages: string): string =>
      `${SOCKET}+0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=${flags}, msg_control=${messages}}, MSG_SOCK_DEVMEM) = 7`;
    const dmabuf = (size: number): string =>
      `[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_DEVMEM_DMABUF, cmsg_data={frag_offset=4096, frag_size=${size}, frag_token=..., dmabuf_id=1}}]`;
    expect(run(script('MSG_TRUNC', dmabuf(7)), devmem).failures).toEqual([]);
    expect(run(script('...', '...'), devmem).failures).toEqual([]);
    expect(messages(run(script('0', dmabuf(7)), devmem))).toEqual(['recvmsg: msg_flags are 0x20']);
    expect(messages(run(script('...', dmabuf(8)), devmem))).toEqual([
      'recvmsg: control messages are [{cmsg_level=1, cmsg_type=79, cmsg_data={frag_offset=4096, frag_size=7, frag_token=3, dmabuf_id=1, flags=0}}]',
    ]);
    expect(run(script('...', '[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=[99]}]'), inq).failures).toEqual(
      [],
    );
    expect(messages(run(script('...', '[]'), inq))).toEqual([
      'recvmsg: control messages are [{cmsg_level=6, cmsg_type=36, cmsg_data=[99]}]',
    ]);
  });

  it('leaves with control messages and a name', () => {
    const seen: unknown[] = [];
    const { failures } = run(
      `0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
       +0 sendto(3, "ab", 2, 0, ..., ...) = 2
       +0 sendto(3, "ab", 2, 0, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("1.2.3.4")}, 16) = 2
       +0 send(3, "abc", 2, 0) = 2
       +0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{"x", 1}], msg_flags=0,
                      msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_DEVMEM_DMABUF, cmsg_data=[7]}]}, 0) = 1`,
      () => ({
        ...opening,
        sendmsg: (_fd, { iov, name, control }) => {
          seen.push([
            String.fromCharCode(...(iov[0] ?? [])),
            name?.address ?? null,
            control === null ? null : [...control].slice(8, 20),
          ]);
          return iov[0]?.length ?? 0;
        },
      }),
    );
    expect(failures).toEqual([]);
    expect(seen).toEqual([
      ['ab', '192.0.2.1', null],
      ['ab', '1.2.3.4', null],
      ['ab', null, null],
      ['x', '192.0.2.1', [1, 0, 0, 0, 79, 0, 0, 0, 7, 0, 0, 0]],
    ]);
  });
});
