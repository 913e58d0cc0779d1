package api

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"jishan/internal/errs"
)

// required marks huma's message for a missing property, which huma reports at the parent: translate moves it to the property.
const required = "\x00required "

// huma keeps its message texts and its error constructor in package variables, read while schemas are made; they are set
// once, before anything is registered.
func init() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = fromHuma
	huma.NewError = func(status int, msg string, details ...error) huma.StatusError {
		return fromHuma(nil, status, msg, details...)
	}

	validation.MsgUnexpectedProperty = "没有这一项，请去掉"
	validation.MsgExpectedRFC3339DateTime = "须为日期和时间，如 2026-11-23T08:00:00+08:00"
	validation.MsgExpectedRFC1123DateTime = "须为日期和时间"
	validation.MsgExpectedRFC3339Date = "须为日期，如 2026-11-23"
	validation.MsgExpectedRFC3339Time = "须为时间，如 08:30:00"
	validation.MsgExpectedRFC5322Email = "须为电子邮箱地址%.0s"
	validation.MsgExpectedRFC5890Hostname = "须为主机名"
	validation.MsgExpectedRFC2673IPv4 = "须为 IPv4 地址"
	validation.MsgExpectedRFC2373IPv6 = "须为 IPv6 地址"
	validation.MsgExpectedRFCIPAddr = "须为 IP 地址"
	validation.MsgExpectedRFC3986URI = "须为网址%.0s"
	validation.MsgExpectedRFC4122UUID = "须为编号%.0s"
	validation.MsgExpectedRFC6570URITemplate = "须为网址模板"
	validation.MsgExpectedRFC6901JSONPointer = "格式不对"
	validation.MsgExpectedRFC6901RelativeJSONPointer = "格式不对"
	validation.MsgExpectedRegexp = "格式不对%.0s"
	validation.MsgExpectedMatchAtLeastOneSchema = "不符合任何一种允许的写法"
	validation.MsgExpectedMatchExactlyOneSchema = "须恰好符合一种写法"
	validation.MsgExpectedNotMatchSchema = "不能是这种写法"
	validation.MsgExpectedPropertyNameInObject = "缺少说明种类的一项"
	validation.MsgExpectedBoolean = "须为是或否（true 或 false）"
	validation.MsgExpectedDuration = "须为时长%.0s"
	validation.MsgExpectedNumber = "须为数字"
	validation.MsgExpectedInteger = "须为整数"
	validation.MsgExpectedString = "须为文字"
	validation.MsgExpectedBase64String = "须为 Base64 编码"
	validation.MsgExpectedArray = "须为列表"
	validation.MsgExpectedObject = "须为一组内容"
	validation.MsgExpectedArrayItemsUnique = "不能有重复的内容"
	validation.MsgExpectedOneOf = "只能是：%s"
	validation.MsgExpectedConst = "只能是 %v"
	validation.MsgExpectedMinimumNumber = "不能小于 %v"
	validation.MsgExpectedExclusiveMinimumNumber = "须大于 %v"
	validation.MsgExpectedMaximumNumber = "不能大于 %v"
	validation.MsgExpectedExclusiveMaximumNumber = "须小于 %v"
	validation.MsgExpectedNumberBeMultipleOf = "须为 %v 的整数倍"
	validation.MsgExpectedMinLength = "至少 %d 个字"
	validation.MsgExpectedMaxLength = "最多 %d 个字"
	validation.MsgExpectedBePattern = "须为%s"
	validation.MsgExpectedMatchPattern = "格式不对%.0s"
	validation.MsgExpectedMinItems = "至少 %d 条"
	validation.MsgExpectedMaxItems = "最多 %d 条"
	validation.MsgExpectedMinProperties = "至少填 %d 项"
	validation.MsgExpectedMaxProperties = "最多填 %d 项"
	validation.MsgExpectedRequiredProperty = required + "%s"
	validation.MsgExpectedDependentRequiredProperty = "须填 %s，因为填了 %s"
}

// texts of huma that are not in its validation package.
var humaTexts = map[string]string{
	"invalid integer":                      "须为整数",
	"invalid float":                        "须为数字",
	"invalid floating value":               "须为数字",
	"invalid boolean":                      "须为是或否（true 或 false）",
	"unknown query parameter":              "没有这个查询参数，请去掉",
	"required query parameter is missing":  "请填写",
	"required path parameter is missing":   "请填写",
	"required header parameter is missing": "请填写",
	"expected value to match exactly one schema but matched multiple": "只能符合一种写法",
	"write only property is non-zero":                                 "不能填写",
}

const textFallback = "格式不对"

// translate turns one of huma's details into a field with a Chinese text. Whatever has no translation becomes a general
// Chinese text: an English one never reaches a client.
func translate(err error) errs.Field {
	var d huma.ErrorDetailer
	if !errors.As(err, &d) {
		return errs.Field{Text: textFallback}
	}
	detail := d.ErrorDetail()
	f := errs.Field{Path: fieldPath(detail.Location), Text: detail.Message}
	if name, ok := strings.CutPrefix(f.Text, required); ok {
		if f.Path != "" {
			name = f.Path + "." + name
		}
		return errs.Field{Path: name, Text: "请填写"}
	}
	f.Text = strings.TrimPrefix(f.Text, "invalid value: ")
	if t, ok := humaTexts[f.Text]; ok {
		f.Text = t
	}
	if detail.Location == "body" {
		if s, ok := detail.Value.(string); ok && !json.Valid([]byte(s)) {
			f.Text = "不是完整的 JSON"
		}
	}
	if !chinese(f.Text) {
		f.Text = textFallback
	}
	return f
}

// fieldPath is the location without huma's word for where it is.
func fieldPath(location string) string {
	for _, where := range []string{"body", "query", "path", "header", "form"} {
		if location == where {
			return ""
		}
		if rest, ok := strings.CutPrefix(location, where+"."); ok {
			return rest
		}
	}
	return strings.TrimPrefix(location, "body")
}

// chinese reports whether the text begins with a Chinese character, as every text meant for people does.
func chinese(s string) bool {
	for _, r := range s {
		return r >= 0x4e00 && r <= 0x9fff
	}
	return false
}
