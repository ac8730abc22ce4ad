import { describe, expect, it } from 'vitest';
import { TapError } from './index.ts';

describe('TapError', () => {
  it.each([
    [
      2,
      'open',
      '/dev/net/tun',
      'ENOENT',
      /no such file or directory \(ENOENT\)\. Load the driver \(`modprobe tun`\); a container needs/,
    ],
    [13, 'open', '/dev/net/tun', 'EACCES', /permission denied \(EACCES\)\. Run as root, or let everybody open it/],
    [1, 'TUNSETIFF', 'tap0', 'EPERM', /CAP_NET_ADMIN in the network namespace.*unshare --user --map-root-user --net/],
    [1, 'SIOCSIFADDR', 'tap0', 'EPERM', /CAP_NET_ADMIN/],
    [77, 'write', 'tap0', 'EBADFD', /file descriptor in bad state \(EBADFD\)$/],
    [9999, 'poll', 'tap0', 'errno 9999', /unknown error/],
  ])('errno %i of %s says what to do', (errno, syscall, subject, code, text) => {
    const error = new TapError(errno, syscall, subject);
    expect(error).toMatchObject({ errno, syscall, code, name: 'TapError' });
    expect(error.message).toMatch(text);
    expect(error.message.startsWith(`${syscall} ${subject}: `)).toBe(true);
  });
});
