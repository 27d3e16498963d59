"""Reads pax archives with Python's tarfile, independent of the project: prints each one's members as a line of JSON."""
import base64, hashlib, json, sys, tarfile


def encode(text):
    return base64.b64encode(text.encode('utf-8', 'surrogateescape')).decode()


for path in sys.argv[1:]:
    members = []
    with tarfile.open(path, 'r:', encoding='utf-8', errors='surrogateescape') as archive:
        for member in archive:
            content = archive.extractfile(member).read() if member.isreg() else b''
            members.append({
                'name': encode(member.name),
                'type': member.type.decode(),
                'mode': member.mode,
                'uid': member.uid,
                'gid': member.gid,
                'size': member.size,
                'mtime': member.pax_headers.get('mtime', str(int(member.mtime))),
                'link': encode(member.linkname),
                'offset': member.offset,
                'sha256': hashlib.sha256(content).hexdigest(),
                'user': member.uname + member.gname,
            })
    print(json.dumps(members))
