package parser

import "strings"

// Labels by meaning. A label that stands for several meanings in different families is told apart there.
const (
	labelTitle         = "title"
	labelSeverity      = "severity"
	labelCategory      = "category"
	labelSource        = "source"
	labelStatus        = "status"
	labelDevice        = "device"
	labelUser          = "user"
	labelFile          = "file"
	labelDetected      = "detected"
	labelLastSeen      = "last seen" // when it went on last: taken where no first time is said
	labelIncident      = "incident"
	labelIncidentName  = "incident name"
	labelMerged        = "merged"
	labelSurvivor      = "survivor" // the incident that lives on after a merge
	labelAlertID       = "alert id"
	labelOrganisation  = "organisation"
	labelTenantID      = "tenant id"
	labelPolicy        = "policy"
	labelReport        = "report"
	labelVulnerability = "vulnerability"
	labelDescription   = "description"
	labelOther         = "other" // known, and of no meaning to us: it ends what stands before it
)

// synonyms are the labels as mails write them, in lower case; "(s)" and a plural s are understood everywhere.
var synonyms = []struct{ meaning, words string }{
	{labelTitle, `title|alert title|alert name|alert|name|detection name|threat name|threat|titel|titre|título|titolo|タイトル|アラート名|标题|標題|警报名称|alarmtitel|nom de l'alerte|nombre de la alerta`},
	{labelSeverity, `severity|alert severity|incident severity|risk level|severity level|risk|schweregrad|gravité|gravedad|gravità|gravidade|ernst|allvarlighetsgrad|重大度|严重性|嚴重性|심각도|risikostufe|niveau de risque|nivel de riesgo`},
	{labelCategory, `category|categories|alert category|alert categories|attack category|threat category|kategorie|kategorien|catégorie|categoría|categoria|カテゴリ|类别|類別|범주`},
	{labelSource, `detection source|detection sources|service source|service sources|source|detected by|detection technology|detection origin|product|erkennungsquelle|dienstquelle|source de détection|origen de detección|検出元|检测源`},
	{labelStatus, `status|alert status|incident status|state|statut|estado|stato|状態|状态|狀態|상태`},
	{labelDevice, `machine|machine name|machines|device|device name|device names|devices|computer|computer name|computers|host|hostname|host name|hosts
		|impacted device|impacted devices|affected device|affected devices|affected machine|affected machines|impacted machine|impacted machines|impacted assets|impacted asset|affected asset|affected assets|endpoint|endpoints|endpoint name
		|gerät|geräte|gerätename|computername|appareil|appareils|nom de l'appareil|dispositivo|dispositivos|nombre del dispositivo|デバイス|デバイス名|设备|设备名称|裝置|장치`},
	{labelUser, `user|users|user name|username|account|accounts|account name|impacted user|impacted users|affected user|affected users|impacted account
		|impacted accounts|affected account|affected accounts|user account|user principal name|upn|user at risk|users at risk|benutzer|benutzername|konto|utilisateur|utilisateurs|compte|usuario|usuarios|cuenta|utente|ユーザー|用户|使用者|사용자`},
	{labelFile, `file|files|file name|file names|filename|file path|impacted file|impacted files|affected file|affected files|datei|dateien|dateiname|fichier|fichiers|archivo|archivos|ファイル|文件`},
	{labelDetected, `detection time|detected|detected at|detected on|time|time of occurrence|created|created at|created on|creation time|first activity
		|first activity time|first detected|time detected|alert time|activity time|date|date and time|time of detection|generated|generated at|triggered|triggered at|event time|start time|alert created|alert creation time|detection date|first event|first event time|time created|when
		|first seen|erkennungszeit|erkannt am|zeit|zeitpunkt|erste aktivität|heure|heure de détection|première activité|hora|hora de detección|primera actividad|検出時刻|検出日時|时间|检测时间`},
	{labelLastSeen, `last activity|last activity time|last seen|last detected|last event|last event time|letzte aktivität|dernière activité|última actividad`},
	{labelIncident, `incident id|incident|incident number|incident #|incident no|id des vorfalls|vorfall-id|vorfalls-id|id de l'incident|id del incidente|id de incidente|インシデント id|事件 id`},
	{labelIncidentName, `incident name|incident title|name of the incident|vorfallname|name des vorfalls|nom de l'incident|nombre del incidente|インシデント名|事件名称`},
	{labelMerged, `merged incident id|merged incident ids|merged incident|merged incidents|merged from|source incident id|source incident|source incidents|redirected incident|redirected incident id|closed incident|closed incident id|previous incident id|previous incident|old incident id|original incident id|secondary incident id|secondary incident|merged incident number`},
	{labelSurvivor, `merged into|merged into incident|merged into incident id|merged to|target incident|target incident id|surviving incident|surviving incident id|destination incident|destination incident id|primary incident|primary incident id|new incident id|remaining incident|remaining incident id|current incident id|resulting incident|resulting incident id|redirect incident id|redirected to`},
	{labelAlertID, `alert id|alert ids|alert identifier|system alert id|alarm-id|id de l'alerte|id de la alerta|アラート id|警报 id`},
	{labelOrganisation, `organization|organisation|organization name|organisation name|tenant|tenant name|customer|customer name|company|company name|directory|directory name|organisationsname|nom de l'organisation|organización|nombre de la organización|組織|组织`},
	{labelTenantID, `tenant id|directory id|organization id|organisation id|tenant-id|mandanten-id|id de locataire`},
	{labelPolicy, `policy|policy name|alert policy|alert policy name|activity policy|richtlinie|stratégie|directiva|ポリシー|策略`},
	{labelReport, `report|report name|report title|threat analytics report|threat report|analyst report|threat title|bericht|rapport|informe|レポート|报告`},
	{labelVulnerability, `vulnerability|vulnerability name|vulnerability id|vulnerabilities|cve|cve id|cve ids|cves|schwachstelle|vulnérabilité|vulnerabilidad|脆弱性|漏洞`},
	{labelDescription, `description|alert description|summary|what happened|beschreibung|descripción|descrizione|説明|描述`},
	{labelOther, `wdatp portal link|portal link|link|view alert|view incident|view alert details|view report|view recommendations|activity|activities|details|alert details|more details|resource|resources
		|resource name|affected resource|subscription|subscription id|subscription name|scope ids|scope id|scope|risk factors|attack story|attack path id|attack path details|cvss|cvss score|cvss v3
		|affected product|affected products|affected software|exposed devices|exposed machines|report type|type|action|action type|taken by|initiated by|performed by|requested by|recommended actions|recommended action
		|recommendation|recommendations|mitre techniques|mitre att&ck techniques|techniques|tactics|investigation state|number of alerts|alert count|alerts|service|comment|comments|reason|justification
		|hits|hit count|classification|determination|assigned to|tags|device group|device groups|machine group|ip address|ip addresses|ip|threshold|new risky users detected|new risky sign-ins detected
		|published|published on|updated|last updated|remediation|remediation status|publisher|vendor|exploit|exploit available|exploits|event|event type|location|url|urls|process|sha1|sha256|entities|evidence|workload|privacy statement`},
}

// meanings is synonyms turned around.
var meanings = func() map[string]string {
	turned := map[string]string{}
	for _, s := range synonyms {
		for word := range strings.SplitSeq(s.words, "|") {
			turned[strings.TrimSpace(word)] = s.meaning
		}
	}
	return turned
}()

// longestLabel is how long a label is at most, in octets.
const longestLabel = 60

// meaningOf is the meaning of a label as it is written, "" where it is none.
func meaningOf(text string) string {
	if len(text) > 2*longestLabel {
		return ""
	}
	text = strings.ToLower(strings.Trim(oneLine(text), "*_:： •●▪►·–-"))
	if text == "" || len(text) > longestLabel {
		return ""
	}
	if meaning := meanings[text]; meaning != "" {
		return meaning
	}
	if single, ok := strings.CutSuffix(text, "(s)"); ok {
		return meanings[strings.TrimSpace(single)]
	}
	return ""
}

// labelPart is what stands before a line's colon, or the line.
func labelPart(text string) string {
	before, _, _ := cutColon(text)
	return before
}

// cutColon cuts a line at its first colon. ok is false where there is none near the beginning, or where it belongs to an
// address.
func cutColon(text string) (before, after string, ok bool) {
	head := clip(text, 2*longestLabel)
	at, width := strings.IndexByte(head, ':'), 1
	if wide := strings.Index(head, "："); wide >= 0 && (at < 0 || wide < at) {
		at, width = wide, len("：")
	}
	if at < 0 || strings.HasPrefix(text[at:], "://") {
		return text, "", false
	}
	return text[:at], strings.TrimSpace(text[at+width:]), true
}
