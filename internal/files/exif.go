package files

import (
	"bytes"
	"encoding/binary"
)

// tagOrientation is Exif's number for how the camera was held.
const tagOrientation = 0x0112

// orientation is what a JPEG's Exif block says of how the camera was held, 1 to 8; 1 where it says nothing that can be read.
// Nothing else of the block is looked at, and none of it is kept.
func orientation(file []byte) int {
	if !isJPEG(file) {
		return 1
	}
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		kind, length := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if kind == 0xda || length < 2 || 2+length > len(rest) {
			break
		}
		if body, ok := bytes.CutPrefix(rest[4:2+length], []byte("Exif\x00\x00")); kind == 0xe1 && ok {
			return tiffOrientation(body)
		}
		rest = rest[2+length:]
	}
	return 1
}

func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}
