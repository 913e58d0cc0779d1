package xlsx

import (
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

const (
	maxStrings    = 1_000_000 // entries of the shared string table
	maxStringText = 64 << 20  // bytes of all of them together
	maxStyles     = 65_536
)

// workbook is what is needed to read the cells of its sheets.
type workbook struct {
	archive  *archive
	limits   Limits
	date1904 bool
	strings  []string
	styles   []format // by index of cellXfs
}

func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, "\\", "/"), "/"))
}

func openZip(b []byte, l Limits) (*File, error) {
	a, err := openArchive(b, l)
	if err != nil {
		return nil, err
	}
	w := &workbook{archive: a, limits: l}
	main, err := w.mainPart()
	if err != nil {
		return nil, err
	}
	dir := path.Dir(main)
	rels, err := w.relations(path.Join(dir, "_rels", path.Base(main)+".rels"), dir)
	if err != nil {
		return nil, err
	}
	sheets, err := w.readWorkbook(main, rels)
	if err != nil {
		return nil, err
	}
	for _, r := range rels {
		var err error
		switch {
		case !w.archive.has(r.target):
		case strings.HasSuffix(r.kind, "/sharedStrings") && w.strings == nil:
			err = w.readStrings(r.target)
		case strings.HasSuffix(r.kind, "/styles") && w.styles == nil:
			err = w.readStyles(r.target)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(sheets) == 0 {
		return nil, ErrBroken.Wrap(errors.New("workbook has no sheets"))
	}
	return &File{limits: l, sheets: sheets, rows: w.rowsOf(sheets), merges: w.mergesOf(sheets)}, nil
}

// mainPart is the workbook's part, as the package's relationships name it.
func (w *workbook) mainPart() (string, error) {
	switch {
	case !w.archive.has("[Content_Types].xml") && w.archive.has("content.xml"):
		return "", ErrNotTable.With("这是 ODS 表格，请用 Excel 或 WPS 另存为 .xlsx 再上传")
	case w.archive.has("xl/workbook.bin"):
		return "", ErrNotTable.With("这是 .xlsb 文件，请用 Excel 另存为 .xlsx 再上传")
	case w.archive.has("xl/workbook.xml"):
		return "xl/workbook.xml", nil
	case !w.archive.has("_rels/.rels"):
		return "", ErrNotTable.New()
	}
	rels, err := w.relations("_rels/.rels", "")
	if err != nil {
		return "", err
	}
	for _, r := range rels {
		if strings.HasSuffix(r.kind, "/officeDocument") && strings.HasSuffix(partName(r.target), "workbook.xml") && w.archive.has(r.target) {
			return r.target, nil
		}
	}
	return "", ErrNotTable.New()
}

type relation struct{ kind, target string }

// relations reads a .rels part; targets become full part names, relative ones counting from dir.
func (w *workbook) relations(part, dir string) (map[string]relation, error) {
	out := map[string]relation{}
	err := w.each(part, func(_ *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "Relationship" {
			return nil
		}
		target := attr(e, "Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(dir, target)
		}
		out[attr(e, "Id")] = relation{kind: attr(e, "Type"), target: target}
		return nil
	})
	return out, err
}

func (w *workbook) readWorkbook(main string, rels map[string]relation) ([]sheet, error) {
	var sheets []sheet
	err := w.each(main, func(_ *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			w.date1904 = truth(attr(e, "date1904"))
		case "sheet":
			id := ""
			for _, a := range e.Attr {
				if a.Name.Local == "id" && a.Name.Space != "" {
					id = a.Value
				}
			}
			r := rels[id]
			if strings.HasSuffix(r.kind, "/worksheet") && len(sheets) < maxParts {
				sheets = append(sheets, sheet{name: attr(e, "name"), hidden: strings.Contains(strings.ToLower(attr(e, "state")), "hidden"), part: r.target})
			}
		}
		return nil
	})
	return sheets, err
}

func (w *workbook) readStrings(part string) error {
	total := 0
	return w.each(part, func(d *xml.Decoder, e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		s, err := richText(d, e)
		if err != nil {
			return err
		}
		total += len(s)
		if len(w.strings) >= maxStrings || total > maxStringText {
			return ErrTooLarge.With("文件里的文字太多，请只保留要导入的工作表和列后再上传")
		}
		w.strings = append(w.strings, s)
		return nil
	})
}

// richText is the text of an si or is element: all t elements but those of the phonetic guide.
func richText(d *xml.Decoder, start xml.StartElement) (string, error) {
	var text strings.Builder
	phonetic, inText := 0, false
	for {
		tok, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "rPh":
				phonetic++
			case "t":
				inText = phonetic == 0
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "rPh":
				phonetic--
			case "t":
				inText = false
			case start.Name.Local:
				return unescape(text.String()), nil
			}
		case xml.CharData:
			if inText {
				text.Write(t)
			}
		}
	}
}

// unescape decodes _x000D_ and its like, by which Excel keeps characters that XML cannot.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var out strings.Builder
	for {
		i := strings.Index(s, "_x")
		if i < 0 || len(s) < i+7 {
			out.WriteString(s)
			return out.String()
		}
		code, err := strconv.ParseUint(s[i+2:i+6], 16, 16)
		if err != nil || s[i+6] != '_' {
			out.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		out.WriteString(s[:i])
		out.WriteRune(rune(code))
		s = s[i+7:]
	}
}

// format is how a style shows a number, as far as it matters here.
type format struct {
	day, clock bool
	zeros      int // shown with at least so many digits ("0000")
}

func (w *workbook) readStyles(part string) error {
	custom := map[string]string{}
	inCells := false
	return w.each(part, func(_ *xml.Decoder, e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if len(custom) < maxStyles {
				custom[attr(e, "numFmtId")] = attr(e, "formatCode")
			}
		case "cellXfs":
			inCells = true
		case "cellStyles", "dxfs", "cellStyleXfs":
			inCells = false
		case "xf":
			if inCells && len(w.styles) < maxStyles {
				id := attr(e, "numFmtId")
				w.styles = append(w.styles, formatOf(id, custom[id]))
			}
		}
		return nil
	})
}

// formatOf classifies a number format: the built-in ones by id, the others by their code.
func formatOf(id, code string) format {
	if code == "" {
		n, err := strconv.Atoi(id)
		switch {
		case err != nil:
			return format{}
		case n >= 14 && n <= 17, n >= 27 && n <= 31, n == 36, n >= 50 && n <= 54, n == 57, n == 58:
			return format{day: true}
		case n == 22:
			return format{day: true, clock: true}
		case n >= 18 && n <= 21, n >= 32 && n <= 35, n >= 45 && n <= 47, n == 55, n == 56:
			return format{clock: true}
		}
		return format{}
	}
	if n := len(code); n >= 2 && n <= 20 && strings.Trim(code, "0") == "" {
		return format{zeros: n}
	}
	var f format
	month := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case ';': // the format of negative numbers
			i = len(code)
		case '"', '[':
			end := byte('"')
			if c == '[' {
				end = ']'
			}
			if j := strings.IndexByte(code[i+1:], end); j >= 0 {
				i += j + 1
			}
		case '\\', '_', '*':
			i++
		case 'y', 'Y', 'd', 'D':
			f.day = true
		case 'm', 'M':
			month = true
		case 'h', 'H', 's', 'S':
			f.clock = true
		}
	}
	if month && !f.clock {
		f.day = true
	}
	if strings.Contains(code, "General") || strings.ContainsAny(code, "#?") {
		return format{}
	}
	return f
}

// each calls fn for every start element of a part; fn may read on to the element's end.
func (w *workbook) each(part string, fn func(*xml.Decoder, xml.StartElement) error) error {
	rc, err := w.archive.open(part)
	if err != nil {
		return err
	}
	defer rc.Close()
	d := xml.NewDecoder(rc)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			if err := fn(d, e); err != nil {
				return broken(err)
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func truth(s string) bool { return s == "1" || strings.EqualFold(s, "true") }
